/** Episodes by hand in the tiny environment. */

import assert from "node:assert/strict";
import type { Policy } from "../../../lib/model.ts";
import { playEpisode, runEpisode } from "../../../lib/episodes/rollout.ts";
import { assertClose } from "../../support/close.ts";
import { TINY_SURVIVAL_REWARD, TinyEnv } from "../../support/tiny_env.ts";

/** A policy that always does the same. */
function constantPolicy(value: number): Policy {
  return { load() {}, normalise() {}, act: (_, action) => void (action[0] = value) };
}

Deno.test("runEpisode() sums rewards to the time limit as by hand", async () => {
  const env = new TinyEnv();
  env.reset(5);
  const [start] = env.observation;
  const episode = await runEpisode(env, constantPolicy(0), { seed: 5 });
  // Ten steps in place, each paying 1 - |start - 0.5|.
  assertClose(episode.return, 10 * (1 - Math.abs(start - 0.5)));
  assertClose(episode.survivalReturn, 10 * TINY_SURVIVAL_REWARD);
  assert.deepEqual([episode.length, episode.terminated], [10, false]);
});

Deno.test("runEpisode() ends with the step that terminates", async () => {
  const env = new TinyEnv();
  // Moves by 1 per step (action 5): above 2 after the third step at the latest.
  const episode = await runEpisode(env, constantPolicy(5), { seed: 5 });
  assert.equal(episode.terminated, true);
  assert.ok(episode.length === 2 || episode.length === 3, `${episode.length}`);
});

Deno.test("runEpisode() gives the same episode for a seed whatever ran before", async () => {
  const env = new TinyEnv();
  const first = await runEpisode(env, constantPolicy(0.3), { seed: 8 });
  await runEpisode(env, constantPolicy(-1), { seed: 9 });
  assert.deepEqual(await runEpisode(env, constantPolicy(0.3), { seed: 8 }), first);
  assert.notDeepEqual(await runEpisode(env, constantPolicy(0.3), { seed: 9 }), first);
});

Deno.test("playEpisode() keeps the observations that were acted on, not the last one", async () => {
  const env = new TinyEnv();
  env.reset(5);
  const [start] = env.observation;
  const options = { seed: 5, observed: true };
  const { observations, rewards, ...episode } = await playEpisode(
    env,
    constantPolicy(0.5),
    options,
  );
  // Positions start, start + 0.1, ..., start + 0.9.
  assert.equal(observations!.length, 10);
  observations!.forEach((position, step) => assertClose(position, start + 0.1 * step));
  assert.deepEqual(
    await playEpisode(env, constantPolicy(0.5), { ...options, observed: false }),
    episode,
  );
  // Rewards come with their part for being alive.
  const [paid, forLife] = [0, 1].map((column) => rewards!.filter((_, i) => i % 2 === column));
  assertClose(paid.reduce((sum, value) => sum + value, 0), episode.return, 1e-12);
  assert.deepEqual([...forLife], new Array(10).fill(TINY_SURVIVAL_REWARD));
});

Deno.test("playEpisode() leaves an episode at a limit, and no later one", async () => {
  const env = new TinyEnv();
  const play = (limit: number) =>
    playEpisode(env, constantPolicy(0.5), { seed: 5, observed: true, limit });
  const [whole, part, beyond] = [await play(Infinity), await play(3), await play(11)];
  assert.equal(part.length, 3);
  assert.equal(part.terminated, false);
  assert.deepEqual(part.rewards, whole.rewards!.slice(0, 6));
  assert.deepEqual(part.observations, whole.observations!.slice(0, 3));
  assert.deepEqual(beyond, whole);
});

/** Ends after a hundred steps, each of which shows its number and twice its number. */
class CountingEnv extends TinyEnv {
  #steps = 0;
  override readonly observation = new Float64Array(2);
  override reset(): void {
    this.#steps = 0;
    this.observation.fill(0);
  }
  override step() {
    this.#steps++;
    this.observation.set([this.#steps, 2 * this.#steps]);
    const truncated = this.#steps === 100;
    return { ...super.step([0]), terminated: false, truncated };
  }
}

Deno.test("playEpisode() has room for long episodes", async () => {
  const options = { seed: 1, observed: true };
  const { observations } = await playEpisode(new CountingEnv(), constantPolicy(0), options);
  const expected = Array.from({ length: 100 }, (_, step) => [step, 2 * step]).flat();
  assert.deepEqual([...observations!], expected);
});

Deno.test("runEpisode() waits for policies that are late", async () => {
  const late: Policy = {
    ...constantPolicy(0),
    async act(_, action) {
      await Promise.resolve();
      action[0] = 0;
    },
  };
  const env = new TinyEnv();
  assert.deepEqual(
    await runEpisode(env, late, { seed: 3 }),
    await runEpisode(env, constantPolicy(0), { seed: 3 }),
  );
});
