/**
 * Every environment against numbers recorded from Gymnasium: resets, single steps from injected
 * states, and unbroken steps until the first contact. See tests/golden/envs.py.
 */

import assert from "node:assert/strict";
import { registry } from "../../envs/registry.ts";
import type { StatefulEnv, Transition } from "../../lib/env.ts";

interface Given {
  observation: number[][];
  reward: number[];
  terminated: (0 | 1)[];
  next?: number[][];
}

interface Case {
  seed: number;
  dtype: "float64" | "float32";
  state: number[][];
  action: number[][];
  [id: string]: unknown;
}

interface Golden {
  resets: Record<string, [seed: number, first: number[], second: number[]][]>;
  transitions: Case[];
  free: Record<string, { seed: number; action: number[][]; observation: number[][] }>;
}

/** Largest allowed |difference| / max(1, |number|) for resets, single steps and unbroken steps. */
interface Tolerance {
  reset: number;
  step: number;
  free: number;
}

/**
 * MuJoCo's native build and its WebAssembly build differ in the last bits of a step. Measured
 * against goldens of 17 digits: 3e-15 in smooth motion, 4e-13 in contact; the goldens kept have 10
 * digits, which is what 1e-9 allows for.
 */
const MUJOCO: Tolerance = { reset: 0, step: 1e-9, free: 1e-9 };

/**
 * Classic control is exact, but where Gymnasium's C library rounds a sine or a square in another
 * way: 2 in 1000 sines, 1 in 1000 squares, by the last bit.
 */
const TOLERANCES: Record<string, Tolerance> = {
  CartPole: { reset: 0, step: 1e-15, free: 1e-7 },
  Pendulum: { reset: 0, step: 2e-15, free: 1e-6 },
  MountainCarContinuous: { reset: 0, step: 0, free: 0 },
  Acrobot: { reset: 0, step: 1e-14, free: 1e-6 },
  InvertedPendulum: MUJOCO,
  InvertedDoublePendulum: MUJOCO,
  Reacher: MUJOCO,
  Swimmer: MUJOCO,
  Hopper: MUJOCO,
  HalfCheetah: MUJOCO,
  Walker2d: MUJOCO,
  Ant: MUJOCO,
  Humanoid: { ...MUJOCO, reset: 1e-14 }, // derived numbers, and sums of them
};

/** As in envs.py: long observations keep their first numbers and two weighted sums of the rest. */
const LONGEST_OBSERVATION = 60;
const KEPT = 45;

function shorten(observation: Float64Array): number[] {
  if (observation.length <= LONGEST_OBSERVATION) return [...observation];
  const rest = observation.slice(KEPT);
  const sum = rest.reduce((total, x) => total + x, 0);
  const weighted = rest.reduce((total, x, i) => total + x * (1 + i % 7), 0);
  return [...observation.slice(0, KEPT), sum, weighted];
}

/** Returns the largest |difference| / max(1, |number|); infinite when a number is missing. */
function error(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

/** A second version's row is empty, or only what follows the first version's; see envs.py. */
function restore(first: number[], row: number[], size: number): number[] {
  return row.length === size ? row : [...first, ...row].slice(0, size);
}

function read(task: string): Golden {
  const url = new URL(`../golden/envs/${task}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Takes every recorded step from its injected state; returns the largest error. */
async function stepError(env: StatefulEnv, golden: Golden, id: string): Promise<number> {
  const first = Object.keys(golden.resets)[0];
  let worst = 0;
  await env.reset(0);
  for (const recorded of golden.transitions) {
    const { dtype, state, action } = recorded;
    const given = recorded[id] as Given;
    const lead = recorded[first] as Given;
    for (let t = 0; t < state.length; t++) {
      await env.reset();
      env.setState(state[t]);
      const taken = await env.step(dtype === "float32" ? Float32Array.from(action[t]) : action[t]);
      const actual = shorten(env.observation);
      const expected = restore(lead.observation[t], given.observation[t], actual.length);
      worst = Math.max(
        worst,
        error(actual, expected),
        error([taken.reward, Number(taken.terminated)], [given.reward[t], given.terminated[t]]),
        given.next === undefined ? 0 : error(env.state(), given.next[t]),
      );
    }
  }
  return worst;
}

for (const [task, tolerance] of Object.entries(TOLERANCES)) {
  const golden = read(task);
  for (const id of Object.keys(golden.resets)) {
    Deno.test(`reset() of ${id} gives Gymnasium's first observations`, async () => {
      const env = await registry.make(id) as StatefulEnv;
      let worst = 0;
      for (const [seed, first, second] of golden.resets[id]) {
        await env.reset(seed);
        worst = Math.max(worst, error(shorten(env.observation), first));
        await env.reset();
        worst = Math.max(worst, error(shorten(env.observation), second));
      }
      await env.close();
      assert.ok(worst <= tolerance.reset, `error ${worst}`);
    });

    Deno.test(`step() of ${id} gives Gymnasium's transitions`, async () => {
      const env = await registry.make(id) as StatefulEnv;
      const worst = await stepError(env, golden, id);
      await env.close();
      assert.ok(worst <= tolerance.step, `error ${worst}`);
    });

    Deno.test(`${id} follows Gymnasium's unbroken trajectory`, async () => {
      const env = await registry.make(id) as StatefulEnv;
      const { seed, action, observation } = golden.free[id];
      await env.reset(seed);
      for (const taken of action) await env.step(taken);
      const found = error(shorten(env.observation), observation[0]);
      await env.close();
      assert.ok(found <= tolerance.free, `error ${found} after ${action.length} steps`);
    });
  }
}

Deno.test("the comparison of transitions rejects a wrong observation, reward and ending", async () => {
  const golden = read("Hopper");
  const id = "Hopper-v5";
  const env = await registry.make(id) as StatefulEnv;
  const spoils: ((env: StatefulEnv, taken: Transition) => void)[] = [
    (env) => env.observation[3] += 1e-8,
    (env) => env.observation[0] = NaN,
    (_, taken) => taken.reward += 1e-8,
    (_, taken) => taken.terminated = !taken.terminated,
  ];
  for (const spoil of spoils) {
    const broken: StatefulEnv = Object.create(env, {
      observation: { get: () => env.observation },
      reset: { value: (seed?: number) => env.reset(seed) },
      state: { value: () => env.state() },
      setState: { value: (state: ArrayLike<number>) => env.setState(state) },
      step: {
        value: (action: ArrayLike<number>) => {
          const taken = env.step(action) as Transition;
          spoil(env, taken);
          return taken;
        },
      },
    });
    assert.ok(await stepError(broken, golden, id) > TOLERANCES.Hopper.step);
  }
  await env.close();
});

Deno.test("v4 and v5 are told apart: the healthy reward of the last step", async () => {
  const golden = read("Hopper");
  const env = await registry.make("Hopper-v4") as StatefulEnv;
  assert.ok(await stepError(env, golden, "Hopper-v5") > 0.5);
  await env.close();
});
