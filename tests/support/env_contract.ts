/**
 * The environment contract as one checkable list, for the registry's environments and any other.
 *
 * Every rule that `checkEnvContract` holds an environment to is shown, in
 * tests/envs/contract_test.ts, to reject a fake that breaks it.
 */

import assert from "node:assert/strict";
import type { Env, EnvSpec, StatefulEnv, Transition } from "../../lib/env.ts";
import { Rng } from "../../lib/numbers/rng.ts";

/** The seeds with which the checks reset. */
const SEED = 7;
const OTHER_SEED = 8;

/** Draws an action from the space: uniform, unbounded dimensions from +-1. */
export function drawAction(spec: EnvSpec, rng: Rng): number[] {
  const space = spec.actionSpace;
  if (space.kind === "discrete") return [rng.integer(space.n)];
  return Array.from(space.low, (low, i) => {
    const high = space.high[i];
    return rng.uniform(Number.isFinite(low) ? low : -1, Number.isFinite(high) ? high : 1);
  });
}

function checkSpec(spec: EnvSpec): void {
  assert.match(spec.id, /^(gym:)?[\w-]+-v\d+$/, "the id must end in a version");
  assert.ok(Number.isInteger(spec.maxEpisodeSteps) && spec.maxEpisodeSteps > 0, "time limit");
  assert.ok(spec.returnRange[0] < spec.returnRange[1], "the return range must not be empty");
  assert.ok(spec.source.length > 0, "the source must be named");
  for (const space of [spec.observationSpace, spec.actionSpace]) {
    if (space.kind === "discrete") {
      assert.ok(Number.isInteger(space.n) && space.n > 0, "a discrete space needs choices");
      continue;
    }
    assert.equal(space.low.length, space.high.length, "one bound per dimension");
    assert.ok(space.low.length > 0, "a box needs a dimension");
    space.low.forEach((low, i) => {
      assert.ok(low < space.high[i], `bounds of dimension ${i} must be in order`);
      if (space.dtype === "float32") {
        for (const bound of [low, space.high[i]]) {
          assert.equal(Math.fround(bound), bound, `bound of dimension ${i} must be float32`);
        }
      }
    });
  }
}

/** Checks the current observation against the space: length, bounds, type, no NaN. */
function checkObservation(env: Env): void {
  const { low, high, dtype } = env.spec.observationSpace;
  assert.equal(env.observation.length, low.length, "observation's length");
  env.observation.forEach((x, i) => {
    assert.ok(x >= low[i] && x <= high[i], `observation ${i} must lie in its bounds, got ${x}`);
    if (dtype === "float32") assert.equal(Math.fround(x), x, `observation ${i} must be float32`);
  });
}

function checkTransition(transition: Transition, steps: number, limit: number): void {
  assert.ok(Number.isFinite(transition.reward), "the reward must be finite");
  assert.ok(Number.isFinite(transition.survivalReward), "the survival reward must be finite");
  assert.equal(typeof transition.terminated, "boolean", "terminated must be a boolean");
  assert.equal(transition.truncated, steps >= limit, `truncated at step ${steps} of ${limit}`);
}

/** One episode's numbers: per step the observation, the reward and the flags. */
async function playEpisode(env: Env, actionSeed: number, limit: number): Promise<number[][]> {
  const rng = Rng.fromSeed(actionSeed);
  const rows = [[...env.observation]];
  for (let steps = 1; steps <= limit; steps++) {
    const transition = await env.step(drawAction(env.spec, rng));
    checkTransition(transition, steps, env.spec.maxEpisodeSteps);
    checkObservation(env);
    rows.push([...env.observation, transition.reward, Number(transition.terminated)]);
    if (transition.terminated || transition.truncated) break;
  }
  return rows;
}

async function checkDeterminism(env: Env, other: Env): Promise<void> {
  const limit = 50;
  await env.reset(SEED);
  const first = await playEpisode(env, 1, limit);
  await env.reset();
  const second = await playEpisode(env, 2, limit);
  assert.notDeepEqual(second[0], first[0], "a reset without a seed must go on with the stream");
  await env.reset();
  assert.notDeepEqual([...env.observation], second[0], "a second one must go on with the stream");
  await other.reset(OTHER_SEED);
  assert.notDeepEqual([...other.observation], first[0], "another seed must start elsewhere");
  await env.reset(SEED);
  assert.deepEqual(await playEpisode(env, 1, limit), first, "the same seed, the same episode");
  await env.reset();
  assert.deepEqual(await playEpisode(env, 2, limit), second, "the same stream, the same episode");
}

async function checkIndependence(env: Env, other: Env): Promise<void> {
  await env.reset(SEED);
  await other.reset(SEED);
  const before = [...env.observation];
  await other.step(drawAction(other.spec, Rng.fromSeed(3)));
  await other.reset(OTHER_SEED);
  assert.deepEqual([...env.observation], before, "one environment must not move another");
}

async function checkRefusals(env: Env): Promise<void> {
  const { actionSpace } = env.spec;
  const good = drawAction(env.spec, Rng.fromSeed(4));
  const bad: number[][] = [[], [...good, 0], [NaN, ...good.slice(1)], [Infinity, ...good.slice(1)]];
  if (actionSpace.kind === "discrete") bad.push([-1], [actionSpace.n], [0.5]);
  await env.reset(SEED);
  await env.step(good);
  const expected = [...env.observation];
  await env.step(good);
  const after = [...env.observation];
  await env.reset(SEED);
  await env.step(good);
  for (const action of bad) {
    await assert.rejects(
      async () => await env.step(action),
      (error) => error instanceof RangeError || error instanceof TypeError,
      `action [${action}] must be refused`,
    );
    assert.deepEqual([...env.observation], expected, `a refused action must change nothing`);
  }
  await env.step(good);
  assert.deepEqual([...env.observation], after, "the episode must go on after a refused action");
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    await assert.rejects(async () => await env.reset(seed), RangeError, `seed ${seed}`);
  }
}

/** Plays to the end and steps once more. */
async function checkEnd(env: Env): Promise<void> {
  const observation = env.observation;
  await env.reset(SEED);
  await playEpisode(env, 5, env.spec.maxEpisodeSteps);
  await assert.rejects(
    async () => await env.step(drawAction(env.spec, Rng.fromSeed(6))),
    RangeError,
    "a step after the end must be refused",
  );
  await env.reset();
  await env.step(drawAction(env.spec, Rng.fromSeed(6)));
  assert.equal(env.observation, observation, "the observation must stay the same array");
}

async function checkState(env: StatefulEnv): Promise<void> {
  await env.reset(SEED);
  await env.step(drawAction(env.spec, Rng.fromSeed(9)));
  const state = env.state();
  await env.step(drawAction(env.spec, Rng.fromSeed(9)));
  assert.notDeepEqual(env.state(), state, "the state must be a copy that a step leaves alone");
  env.setState(state);
  assert.deepEqual(env.state(), state, "a state put back must read the same");
  const observation = [...env.observation];
  await env.step(drawAction(env.spec, Rng.fromSeed(9)));
  const after = [...env.observation];
  env.setState(state);
  assert.deepEqual([...env.observation], observation, "a state put back must be observed");
  await env.step(drawAction(env.spec, Rng.fromSeed(9)));
  assert.deepEqual([...env.observation], after, "the same state, the same step");
  assert.throws(() => env.setState([...state, 0]), TypeError, "a state of another length");
  assert.throws(() => env.setState(state.map(() => NaN)), RangeError, "a state that is not finite");
}

function isStateful(env: Env): env is StatefulEnv {
  return "setState" in env;
}

/**
 * Holds an environment to the contract of lib/env.ts; makes two of them and closes them.
 * @throws {AssertionError} with the rule that is broken.
 */
export async function checkEnvContract(make: () => Promise<Env>): Promise<void> {
  const env = await make();
  const other = await make();
  try {
    checkSpec(env.spec);
    await assert.rejects(
      async () => await env.step(drawAction(env.spec, Rng.fromSeed(1))),
      RangeError,
      "a step before the first reset must be refused",
    );
    await env.reset(SEED);
    checkObservation(env);
    await checkDeterminism(env, other);
    await checkIndependence(env, other);
    await checkRefusals(env);
    if (isStateful(env)) await checkState(env);
    await checkEnd(env);
  } finally {
    await env.close();
    await other.close();
  }
  await env.close(); // a second time does no harm
  await assert.rejects(async () => await env.reset(), RangeError, "a reset after close");
  await assert.rejects(async () => await env.step([0]), RangeError, "a step after close");
}
