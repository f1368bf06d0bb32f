/**
 * The environments that this program offers, in the order in which help lists them.
 *
 * Specifications are static: asking for one loads neither a physics engine nor anything else.
 *
 * When you add an environment: write its file with Gymnasium's headings, list it here, record its
 * goldens (tests/golden/envs.py), and the contract suite takes it from there.
 */

import type { Env, EnvRegistry, EnvSpec } from "../lib/env.ts";
import { nearest } from "../lib/nearest.ts";
import { CART_POLE_SPEC, CartPole } from "./cart_pole.ts";
import { INVERTED_PENDULUM_V4, INVERTED_PENDULUM_V5 } from "./mujoco/inverted_pendulum.ts";
import { MujocoEnv, type MujocoTask } from "./mujoco/mujoco_env.ts";

interface Entry {
  readonly spec: EnvSpec;
  make(): Promise<Env>;
}

function mujoco(task: MujocoTask): Entry {
  return { spec: task.spec, make: () => MujocoEnv.create(task) };
}

const ENTRIES: readonly Entry[] = [
  { spec: CART_POLE_SPEC, make: () => Promise.resolve(new CartPole()) },
  mujoco(INVERTED_PENDULUM_V5),
  mujoco(INVERTED_PENDULUM_V4),
];

const BY_ID: ReadonlyMap<string, Entry> = new Map(ENTRIES.map((entry) => [entry.spec.id, entry]));

function find(id: string): Entry {
  const entry = BY_ID.get(id);
  if (entry !== undefined) return entry;
  const suggestion = nearest(id, [...BY_ID.keys()]);
  throw new RangeError(
    `Cannot create environment ${JSON.stringify(id)}: unknown id` +
      (suggestion === undefined ? ": run `udrlpg envs`" : `: did you mean "${suggestion}"?`),
  );
}

/** Every environment of this program. */
export const registry: EnvRegistry = {
  ids: ENTRIES.map((entry) => entry.spec.id),
  spec: (id) => find(id).spec,
  make: async (id) => await find(id).make(),
};
