/** train --continue: the same line starts a run, goes on with it, and leaves it when it is finished. */

import assert from "node:assert/strict";
import { InterruptedError } from "../../../../../lib/system/errors.ts";
import { run } from "../../../../support/program.ts";
import { trainTiny, withFolder } from "../../../../support/tiny_command.ts";

Deno.test("train --continue starts, goes on with and leaves a run", () =>
  withFolder(async (folder) => {
    const out = `${folder}/run`;
    const signal = AbortSignal.abort(new InterruptedError("Interrupted by SIGTERM", "SIGTERM"));
    const first = await trainTiny(out, ["--continue"], { signal });
    assert.equal(first.code, 143);
    assert.match(first.stderr, /saved: go on with udrlpg train --resume --out/);

    const second = await trainTiny(out, ["--continue", "--json"]);
    assert.equal(second.code, 0, second.stderr);
    const { steps } = JSON.parse(second.stdout);
    const generator = await Deno.readFile(`${out}/generator.safetensors`);

    const third = await trainTiny(out, ["--continue", "--json"]);
    assert.equal(third.code, 0);
    assert.match(third.stderr, /^Warning: Run ".*" is finished: there is nothing to do/);
    assert.equal(JSON.parse(third.stdout).steps, steps);
    assert.deepEqual(await Deno.readFile(`${out}/generator.safetensors`), generator);
  }));

Deno.test("train --continue refuses a folder of something else, and --resume beside it", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.txt`, "");
    const strange = await trainTiny(folder, ["--continue"]);
    assert.equal(strange.code, 3);
    assert.match(strange.stderr, /there must be a config\.toml, got none/);
    const both = await run(["train", "--env", "CartPole-v1", "--continue", "--resume"]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /at most one of --resume, --continue may be given/);
  }));
