import assert from "node:assert/strict";
import { withEnvCommand } from "../../../../lib/episodes/process/env_registry.ts";
import { registry } from "../../../../envs/registry.ts";
import { countingCommand } from "../../../support/counting_command.ts";

Deno.test("withEnvCommand() adds the described environment and makes children of their own", async () => {
  const both = await withEnvCommand(registry, countingCommand());
  try {
    assert.equal(both.described.id, "Counting-v0");
    assert.deepEqual(both.ids, ["Counting-v0", ...registry.ids]);
    assert.equal(both.spec("Counting-v0"), both.described);
    assert.equal(both.spec("CartPole-v1"), registry.spec("CartPole-v1"));
    assert.throws(() => both.spec("Counting-v1"), RangeError);
    const [first, second] = [await both.make("Counting-v0"), await both.make("Counting-v0")];
    await first.reset(3);
    await second.reset(4);
    assert.deepEqual([[...first.observation], [...second.observation]], [[0, 3], [0, 4]]);
    const known = await both.make("CartPole-v1");
    assert.equal(known.spec.id, "CartPole-v1");
    await both.close();
    await assert.rejects(async () => await second.reset(1), RangeError);
  } finally {
    await both.close();
  }
});

Deno.test("make() refuses a child that describes something else than the first", async () => {
  const folder = await Deno.makeTempDir();
  // The second child finds the file that the first one left.
  const both = await withEnvCommand(registry, countingCommand("moody", `${folder}/seen`));
  try {
    await both.make("Counting-v0");
    await assert.rejects(both.make("Counting-v0"), {
      name: "FileError",
      message: /every child must be alike, got "Counting-v0" that differs from the first$/,
    });
  } finally {
    await both.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("withEnvCommand() ends the child, and what waits for it, when its signal aborts", async () => {
  const hangUp = new AbortController();
  const connecting = withEnvCommand(registry, "sleep 1000", {
    signal: hangUp.signal,
    graceSeconds: 0,
  });
  hangUp.abort();
  await assert.rejects(connecting, /the child must be open, got a closed one$/);

  const late = new AbortController();
  const both = await withEnvCommand(registry, countingCommand("hang"), {
    signal: late.signal,
    graceSeconds: 0,
  });
  const env = await both.make("Counting-v0");
  await env.reset(1);
  const stepping = env.step([0]);
  late.abort();
  await assert.rejects(async () => await stepping, { name: "FileError" });
  await both.close();
});
