import assert from "node:assert/strict";
import { run } from "../../../support/program.ts";
import { trainTiny, withFolder } from "../../../support/tiny_command.ts";

Deno.test("verify says whether a run's beginning is what its configuration gives", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/run`;
    assert.equal((await trainTiny(out)).code, 0);
    const good = await run(["verify", out, "--cycles", "2"]);
    assert.deepEqual([good.code, good.stderr], [0, ""]);
    // The first one is the warm-up.
    assert.match(good.stdout, /^The same: \d+ records and 2 state hashes of 3 cycles\n$/);
    const metrics = await Deno.readTextFile(`${out}/metrics.jsonl`);
    await Deno.writeTextFile(`${out}/metrics.jsonl`, metrics.replace(/"return":\d+/, '"return":1'));
    const bad = await run(["verify", out, "--json"]);
    assert.equal(bad.code, 3);
    assert.match(
      bad.stderr,
      /^Cannot verify run ".*": record 2 must be \{.*\}, got \{.*"return":1,/,
    );
    const { matches, difference } = JSON.parse(bad.stdout);
    assert.equal(matches, false);
    assert.match(difference.recorded, /"return":1,/);
    assert.equal((await run(["verify"])).code, 2);
    assert.equal((await run(["verify", `${folder}/none`])).code, 3);
  });
});
