/**
 * The environments that this program offers, in the order in which help lists them.
 *
 * Specifications are static: asking for one loads neither a physics engine nor anything else.
 *
 * When you add an environment: write its file with Gymnasium's headings, list it here, record its
 * goldens (tests/golden/envs.py), and the contract suite takes it from there.
 */

import type { Env, EnvRegistry, EnvSpec } from "../lib/env.ts";
import { nearest } from "../lib/system/words.ts";
import { Acrobot, ACROBOT_SPEC } from "./acrobot.ts";
import { CART_POLE_SPEC, CartPole } from "./cart_pole.ts";
import { MOUNTAIN_CAR_CONTINUOUS_SPEC, MountainCarContinuous } from "./mountain_car_continuous.ts";
import { ANT_V4, ANT_V5 } from "./mujoco/ant.ts";
import { HALF_CHEETAH_V4, HALF_CHEETAH_V5 } from "./mujoco/half_cheetah.ts";
import { HOPPER_V4, HOPPER_V5 } from "./mujoco/hopper.ts";
import { HUMANOID_V4, HUMANOID_V5 } from "./mujoco/humanoid.ts";
import {
  INVERTED_DOUBLE_PENDULUM_V4,
  INVERTED_DOUBLE_PENDULUM_V5,
} from "./mujoco/inverted_double_pendulum.ts";
import { INVERTED_PENDULUM_V4, INVERTED_PENDULUM_V5 } from "./mujoco/inverted_pendulum.ts";
import { MujocoEnv, type MujocoTask } from "./mujoco/mujoco_env.ts";
import { REACHER_V4, REACHER_V5 } from "./mujoco/reacher.ts";
import { SWIMMER_V4, SWIMMER_V5 } from "./mujoco/swimmer.ts";
import { WALKER2D_V4, WALKER2D_V5 } from "./mujoco/walker2d.ts";
import { Pendulum, PENDULUM_SPEC } from "./pendulum.ts";

interface Entry {
  readonly spec: EnvSpec;
  readonly needsPhysics?: true;
  make(): Promise<Env>;
}

function mujoco(task: MujocoTask): Entry {
  return { spec: task.spec, needsPhysics: true, make: () => MujocoEnv.create(task) };
}

const ENTRIES: readonly Entry[] = [
  { spec: CART_POLE_SPEC, make: () => Promise.resolve(new CartPole()) },
  { spec: PENDULUM_SPEC, make: () => Promise.resolve(new Pendulum()) },
  {
    spec: MOUNTAIN_CAR_CONTINUOUS_SPEC,
    make: () => Promise.resolve(new MountainCarContinuous()),
  },
  { spec: ACROBOT_SPEC, make: () => Promise.resolve(new Acrobot()) },
  mujoco(INVERTED_PENDULUM_V5),
  mujoco(INVERTED_DOUBLE_PENDULUM_V5),
  mujoco(REACHER_V5),
  mujoco(SWIMMER_V5),
  mujoco(HOPPER_V5),
  mujoco(HALF_CHEETAH_V5),
  mujoco(WALKER2D_V5),
  mujoco(ANT_V5),
  mujoco(HUMANOID_V5),
  mujoco(INVERTED_PENDULUM_V4),
  mujoco(INVERTED_DOUBLE_PENDULUM_V4),
  mujoco(REACHER_V4),
  mujoco(SWIMMER_V4),
  mujoco(HOPPER_V4),
  mujoco(HALF_CHEETAH_V4),
  mujoco(WALKER2D_V4),
  mujoco(ANT_V4),
  mujoco(HUMANOID_V4),
];

const BY_ID: ReadonlyMap<string, Entry> = new Map(ENTRIES.map((entry) => [entry.spec.id, entry]));

function find(id: string): Entry {
  const entry = BY_ID.get(id);
  if (entry !== undefined) return entry;
  const isGymnasium = /^[A-Za-z][\w/.-]{0,60}-v\d{1,3}$/.test(id);
  const suggestion = nearest(id, [...BY_ID.keys()]) ?? (isGymnasium ? `gym:${id}` : undefined);
  throw new RangeError(
    `Cannot create environment ${JSON.stringify(id)}: unknown id` +
      (suggestion === undefined ? ": run `udrlpg envs`" : `: did you mean "${suggestion}"?`),
  );
}

/** Every environment of this program. */
export const registry: EnvRegistry = {
  ids: ENTRIES.map((entry) => entry.spec.id),
  spec: (id) => find(id).spec,
  physicsFiles: async (id) =>
    find(id).needsPhysics
      ? (await import("./mujoco/physics_files.ts")).readPhysicsFiles()
      : undefined,
  make: async (id) => await find(id).make(),
};
