/** A command that was typed once is run again from files, in the same folder alone. */

import assert from "node:assert/strict";
import { Consents } from "../../../lib/cli/consent.ts";
import { withFolder } from "../../support/tiny_command.ts";

Deno.test("Consents remembers a command for the folder that it was typed in", () =>
  withFolder(async (folder) => {
    const env = (name: string) => name === "XDG_CACHE_HOME" ? folder : undefined;
    const here = new Consents(env, "/here");
    assert.equal(here.has("python env.py"), false);
    here.remember("python env.py");
    assert.equal(here.has("python env.py"), true);
    assert.equal(new Consents(env, "/here").has("python env.py"), true);
    assert.equal(here.has("python other.py"), false);
    assert.equal(new Consents(env, "/there").has("python env.py"), false);
    const text = await Deno.readTextFile(`${folder}/udrlpg/agreed-commands`);
    assert.match(text, /^[0-9a-f]{64}\n$/); // nobody reads there what was run
  }));

Deno.test("Consents forgets the oldest, and survives a list that is damaged or cannot be", () =>
  withFolder(async (folder) => {
    const env = (name: string) => name === "XDG_CACHE_HOME" ? folder : undefined;
    const here = new Consents(env, "/here");
    here.remember("first");
    const path = `${folder}/udrlpg/agreed-commands`;
    const many = Array.from({ length: 999 }, (_, i) => i.toString(16).padStart(64, "0"));
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)) + many.join("\n"));
    here.remember("last");
    assert.deepEqual([here.has("first"), here.has("last")], [false, true]);
    await Deno.writeFile(path, new Uint8Array(2 ** 20));
    assert.equal(here.has("last"), false);
    const homeless = new Consents(() => undefined, "/here");
    homeless.remember("x");
    assert.equal(homeless.has("x"), false);
  }));
