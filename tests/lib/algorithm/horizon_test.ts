/** How far siblings run: what whole cycles tell of their parts, by hand, and what a run makes of it. */

import assert from "node:assert/strict";
import {
  createHorizon,
  type Horizon,
  learnHorizon,
  stepsToRun,
  type WholeEpisode,
} from "../../../lib/algorithm/horizon.ts";
import { ADAPTED, follow, tinyRun } from "../../support/tiny_run.ts";
import { LateEnv, TinyEnv } from "../../support/tiny_env.ts";
import { assertClose } from "../../support/close.ts";

/** An episode of a start, by its rewards; none is for being alive. */
function episodeOf(start: number, rewards: readonly number[]): WholeEpisode {
  return {
    start,
    return: rewards.reduce((sum, value) => sum + value, 0),
    survivalReturn: 0,
    terminated: false,
    length: rewards.length,
    rewards: Float64Array.from(rewards.flatMap((reward) => [reward, 0])),
  };
}

/** What cycles of the same episodes show. */
function learnt(episodes: readonly WholeEpisode[], cycles = 3): Horizon {
  const horizon = createHorizon();
  for (let i = 0; i < cycles; i++) learnHorizon(horizon, episodes, 4);
  return horizon;
}

Deno.test("learnHorizon() correlates the order by a part with the order by the whole, as by hand", () => {
  // By the first step of four 3 > 2 > 1, by two 3 > 1 > 2, by all 3 > 2 > 1; another start orders nothing.
  const horizon = learnt([
    episodeOf(0, [1, 3, 0, 0]),
    episodeOf(0, [2, 1, 2, 0]),
    episodeOf(0, [3, 3, 3, 3]),
    episodeOf(1, [9, 9]),
  ], 1);
  assertClose(horizon.agreement[0], 1);
  assertClose(horizon.agreement[1], 1 / 3);
  assert.deepEqual([...horizon.cost], [4 / 14, 8 / 14]);
  assert.deepEqual([horizon.cycles, horizon.since], [1, 0]);
});

Deno.test("learnHorizon() forgets: the last cycle counts half", () => {
  const [right, wrong] = [
    [episodeOf(0, [1, 1, 1, 1]), episodeOf(0, [2, 2, 2, 2])],
    [episodeOf(0, [1, 1, 9, 9]), episodeOf(0, [2, 2, 2, 2])],
  ];
  const horizon = learnt(right, 3);
  learnHorizon(horizon, wrong, 4);
  assertClose(horizon.agreement[0], 0);
  learnHorizon(horizon, wrong, 4);
  assertClose(horizon.agreement[0], -0.5);
});

Deno.test("learnHorizon() trusts no part that would not have seen how an episode ended", () => {
  const episodes = [episodeOf(0, [1, 1, 1, 1]), episodeOf(0, [2, 2, 2])];
  const fallen = [episodes[0], { ...episodes[1], terminated: true }];
  assert.deepEqual([...learnt(episodes, 1).agreement], [1, 1]);
  assert.deepEqual([...learnt(fallen, 1).agreement], [0, 0]);
  // Who falls within the part is seen.
  const early = [episodes[0], { ...episodeOf(0, [2, 2]), terminated: true }];
  assert.deepEqual([...learnt(early, 1).agreement], [0, 0]);
  const first = [episodes[0], { ...episodeOf(0, [9]), terminated: true }];
  assert.deepEqual([...learnt(first, 1).agreement], [1, 1]);
});

Deno.test("stepsToRun() takes the part that promises most, and whole episodes where none does", () => {
  const agreeing = [1, 2, 3].map((size) => episodeOf(0, new Array(4).fill(size)));
  assert.equal(stepsToRun(learnt(agreeing), 4), 1);
  assert.equal(stepsToRun(learnt(agreeing, 2), 4), Infinity, "two cycles tell too little");
  const late = [episodeOf(0, [0, 1, 0, 0]), episodeOf(0, [0, 2, 0, 0])];
  assert.equal(stepsToRun(learnt(late), 4), 2, "the first quarter orders nothing");
  const last = [episodeOf(0, [0, 0, 0, 1]), episodeOf(0, [0, 0, 0, 2])];
  assert.equal(stepsToRun(learnt(last), 4), Infinity);
  // Who falls within the first quarter costs as much in part.
  const brief = [episodeOf(0, [1]), episodeOf(0, [2])];
  assert.equal(stepsToRun(learnt(brief), 4), Infinity);
});

Deno.test("stepsToRun() asks for a whole cycle after eight of parts", () => {
  const horizon = learnt([1, 2].map((size) => episodeOf(0, new Array(4).fill(size))));
  horizon.since = 7;
  assert.equal(stepsToRun(horizon, 4), 1);
  horizon.since = 8;
  assert.equal(stepsToRun(horizon, 4), Infinity);
});

Deno.test("a run runs parts where they tell who is better, and nothing is stored of them", async () => {
  const changes = { ...ADAPTED, steps: 4000 };
  for (const [env, hasParts] of [[new TinyEnv(), true], [new LateEnv(), false]] as const) {
    const run = tinyRun(changes, env);
    const { records } = await follow(run);
    assert.equal(run.tally.parts > 0, hasParts);
    const episodes = records.filter(({ kind }) => kind === "episode");
    assert.equal(run.tally.episodes, episodes.length);
    assert.equal(run.experience.buffer.arrivals, run.tally.episodes);
    assert.ok(run.history.returns.length === run.tally.episodes);
    await run.tools.learner.close();
  }
});
