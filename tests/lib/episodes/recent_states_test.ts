/** The ring of recent observations: what it keeps, and what is drawn from it. */

import assert from "node:assert/strict";
import { createRecentStates, drawStates, noteState } from "../../../lib/episodes/recent_states.ts";
import { runEpisode } from "../../../lib/episodes/rollout.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { assertAllClose } from "../../support/close.ts";
import { TinyEnv } from "../../support/tiny_env.ts";

const PLAIN = { mean: Float64Array.of(0, 0), deviation: Float64Array.of(1, 1) };

/** Notes the observations [i, -i] for i from 0. */
function noted(count: number) {
  const states = createRecentStates(2);
  for (let i = 0; i < count; i++) noteState(states, [i, -i]);
  return states;
}

/** The first numbers of many draws, without repetitions, in order. */
function drawnFrom(states: ReturnType<typeof noted>): number[] {
  const drawn = drawStates(states, Rng.fromSeed(1), { count: 20_000, normaliser: PLAIN });
  const firsts = Array.from(drawn).filter((_, i) => i % 2 === 0);
  return [...new Set(firsts)].sort((a, b) => a - b);
}

Deno.test("noteState() keeps every seventh observation, the first one included", () => {
  assert.deepEqual(drawnFrom(noted(1)), [0]);
  assert.deepEqual(drawnFrom(noted(7)), [0]);
  assert.deepEqual(drawnFrom(noted(8)), [0, 7]);
  assert.deepEqual(drawnFrom(noted(30)), [0, 7, 14, 21, 28]);
});

Deno.test("noteState() lets the newest 1,024 take the place of the oldest", () => {
  const kept = drawnFrom(noted(7 * 1030));
  assert.equal(kept.length, 1024);
  assert.deepEqual([kept[0], kept[1023]], [7 * 6, 7 * 1029]);
});

Deno.test("drawStates() normalises as policies do, whole observations at a time", () => {
  const states = noted(100);
  const normaliser = { mean: Float64Array.of(10, -20), deviation: Float64Array.of(2, 4) };
  const drawn = drawStates(states, Rng.fromSeed(3), { count: 50, normaliser });
  const plain = drawStates(states, Rng.fromSeed(3), { count: 50, normaliser: PLAIN });
  assert.equal(drawn.length, 100);
  for (let row = 0; row < 50; row++) {
    const [a, b] = plain.subarray(2 * row, 2 * row + 2);
    assert.equal(b, -a);
    assertAllClose(drawn.subarray(2 * row, 2 * row + 2), [(a - 10) / 2, (b + 20) / 4]);
  }
});

Deno.test("drawStates() draws one integer for each state", () => {
  const rng = Rng.fromSeed(5);
  const other = Rng.fromSeed(5);
  drawStates(noted(100), rng, { count: 3, normaliser: PLAIN });
  for (let i = 0; i < 3; i++) other.integer(15);
  assert.deepEqual(rng.save(), other.save());
});

Deno.test("noteState() notes the observations that an episode acted on", async () => {
  const states = createRecentStates(1);
  const policy = {
    load() {},
    normalise() {},
    act: (_: Float64Array, action: Float64Array) => void (action[0] = 0.5),
  };
  await runEpisode(new TinyEnv(), policy, {
    seed: 5,
    see: (observation) => noteState(states, observation),
  });
  const env = new TinyEnv();
  env.reset(5);
  // Ten steps of 0.1: the first and the eighth observation are kept.
  assert.equal(states.seen, 10);
  assertAllClose(states.rows.subarray(0, 3), [env.observation[0], env.observation[0] + 0.7, 0], {
    tolerance: 1e-6,
  });
});
