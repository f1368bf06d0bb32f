/** Episodes here at first, on workers once there turn out to be many. */

import assert from "node:assert/strict";
import type { EpisodeRunner } from "../../../../lib/episodes/evaluate.ts";
import { createGrowingRunner } from "../../../../lib/episodes/workers/growing_runner.ts";

const NORMALISER = { mean: Float64Array.of(0), deviation: Float64Array.of(1) };

/** A runner that writes down what happens to it and takes some time for every call. */
function noting(name: string, notes: string[], spend: () => void = () => {}): EpisodeRunner {
  return {
    run() {
      notes.push(name);
      spend();
      return Promise.resolve([]);
    },
    close: () => Promise.resolve(void notes.push(`${name} closed`)),
  };
}

Deno.test("createGrowingRunner() starts the others once it has been busy for half a second", async () => {
  const notes: string[] = [];
  let now = 0;
  const runner = createGrowingRunner(noting("local", notes, () => now += 249), {
    startOthers() {
      notes.push("started");
      return noting("others", notes);
    },
    clock: { monotonicMs: () => now },
  });
  for (let i = 0; i < 5; i++) {
    await runner.run([], NORMALISER);
    now += 10_000; // time in which it has nothing to do does not count
  }
  await runner.close();
  const expected = "local local local started others others others closed local closed";
  assert.equal(notes.join(" "), expected);
});

Deno.test("createGrowingRunner() starts nothing for a short job", async () => {
  const notes: string[] = [];
  const runner = createGrowingRunner(noting("local", notes), {
    startOthers: () => assert.fail("nothing takes long"),
    clock: { monotonicMs: () => 0 },
  });
  for (let i = 0; i < 3; i++) await runner.run([], NORMALISER);
  await runner.close();
  assert.deepEqual(notes, ["local", "local", "local", "local closed"]);
});
