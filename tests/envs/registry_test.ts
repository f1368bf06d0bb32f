/** The registry: its list, its errors, and that asking for a specification loads no physics. */

import assert from "node:assert/strict";
import { registry } from "../../envs/registry.ts";

Deno.test("registry.spec() knows every id, each once", () => {
  assert.equal(new Set(registry.ids).size, registry.ids.length);
  for (const id of registry.ids) assert.equal(registry.spec(id).id, id);
});

Deno.test("registry names the nearest id when one is unknown", async () => {
  assert.throws(() => registry.spec("CartPole-v3"), {
    name: "RangeError",
    message: 'Cannot create environment "CartPole-v3": unknown id: did you mean "CartPole-v1"?',
  });
  await assert.rejects(registry.make("hopper-v5"), {
    name: "RangeError",
    message: 'Cannot create environment "hopper-v5": unknown id: did you mean "Hopper-v5"?',
  });
  // What is none of this program's may be one of Gymnasium's.
  for (const id of ["LunarLander-v3", "Taxi-v3", "ALE/Pong-v5"]) {
    assert.throws(() => registry.spec(id), {
      message: `Cannot create environment "${id}": unknown id: did you mean "gym:${id}"?`,
    });
  }
  assert.throws(() => registry.spec("?"), {
    message: 'Cannot create environment "?": unknown id: run `udrlpg envs`',
  });
});

Deno.test("registry.spec() loads no physics engine", async () => {
  const code = `
    import { registry } from ${JSON.stringify(new URL("../../envs/registry.ts", import.meta.url))};
    for (const id of registry.ids) registry.spec(id);
    console.log(WebAssembly.used ?? false);`;
  const counted = `
    const { Module } = WebAssembly;
    for (const name of ["compile", "instantiate", "compileStreaming", "instantiateStreaming"]) {
      const original = WebAssembly[name];
      WebAssembly[name] = (...args) => (WebAssembly.used = true, original(...args));
    }
    WebAssembly.Module = class extends Module {
      constructor(...args) { super(...args); WebAssembly.used = true; }
    };`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", counted + code],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), "false");
});
