/** A session with a profile: the same run, and one line more. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Profile, PROFILE_PARTS } from "../../../lib/run/profile.ts";
import { hashRun, trainTiny, withFolder } from "../../support/run_folder.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

function linesOf(folder: string): string[] {
  return Deno.readTextFileSync(join(folder, "metrics.jsonl")).trimEnd().split("\n");
}

/** Every reading of the clock is a millisecond later. */
function createTickingClock() {
  let now = 0;
  return { monotonicMs: () => now++, epochMs: () => 0 };
}

Deno.test("trainInFolder() with a profile trains the same and says last where the time went", async () => {
  await withFolder((plain) =>
    withFolder(async (profiled) => {
      const config = tinyConfig();
      const { result: without } = await trainTiny(config, plain);
      const profile = new Profile(createTickingClock());
      const { result } = await trainTiny(config, profiled, { profile });
      const [expected, lines] = [linesOf(plain), linesOf(profiled)];
      assert.deepEqual(lines.slice(0, -1), expected);
      assert.equal(hashRun(profiled).generator, hashRun(plain).generator);
      const { kind, seconds } = JSON.parse(lines.at(-1)!);
      assert.equal(kind, "profile");
      for (const part of PROFILE_PARTS) assert.equal(seconds[part] > 0, part !== "workers", part);
      assert.ok(result.profile!.total >= seconds.total);
      assert.equal(without.profile, undefined);
    })
  );
});

Deno.test("trainInFolder() with more steps takes the profile of the first session away", async () => {
  await withFolder((straight) =>
    withFolder(async (folder) => {
      await trainTiny(tinyConfig(), folder, { profile: new Profile(createTickingClock()) });
      await trainTiny(tinyConfig(), straight);
      const longer = tinyConfig({ steps: 900 });
      await trainTiny(longer, folder, { resume: true });
      await trainTiny(longer, straight, { resume: true });
      assert.ok(linesOf(folder).every((line) => JSON.parse(line).kind !== "profile"));
      assert.deepEqual(linesOf(folder), linesOf(straight));
    })
  );
});
