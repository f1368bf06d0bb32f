/** What the simulation adds to MuJoCo: views that survive memory growth, divergence, geometry. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import { INVERTED_PENDULUM_V5 } from "../../../envs/mujoco/inverted_pendulum.ts";
import { renderMjcf } from "../../../envs/mujoco/mjcf.ts";
import { MujocoEnv } from "../../../envs/mujoco/mujoco_env.ts";
import { Simulation } from "../../../envs/mujoco/simulation.ts";

async function make(id: string): Promise<MujocoEnv> {
  const env = await registry.make(id);
  assert.ok(env instanceof MujocoEnv);
  return env;
}

Deno.test("step() of a MuJoCo environment throws when the physics diverges, and reset recovers", async () => {
  const env = await make("Hopper-v5");
  env.reset(1);
  const start = [...env.observation];
  const state = env.state();
  state.fill(1e9, 6); // velocities beyond all reason
  env.setState(state);
  assert.throws(() => env.step([0, 0, 0]), {
    name: "DivergedError",
    message: /^Cannot step simulation: the state must stay finite and below 1e10, got /,
  });
  env.reset(1);
  assert.deepEqual([...env.observation], start);
  env.step([0, 0, 0]);
  env.close();
});

Deno.test("an environment keeps working while others make the memory grow", async () => {
  const env = await make("Swimmer-v5");
  env.reset(1);
  for (let t = 0; t < 5; t++) env.step([0.1, -0.1]);
  const expected = [...env.observation];
  const others: MujocoEnv[] = [];
  env.reset(1);
  for (let t = 0; t < 5; t++) {
    for (let i = 0; i < 8; i++) {
      const other = await make("Humanoid-v5");
      other.reset(i);
      others.push(other);
    }
    env.step([0.1, -0.1]);
  }
  assert.deepEqual([...env.observation], expected);
  for (const other of others) other.close();
  env.close();
});

Deno.test("geometry() and geometryPoses() describe what there is to draw", async () => {
  const env = await make("Hopper-v5");
  env.reset(1);
  const { types, names, sizes } = env.geometry();
  assert.deepEqual(types, ["plane", "capsule", "capsule", "capsule", "capsule"]);
  assert.deepEqual(names, ["floor", "torso_geom", "thigh_geom", "leg_geom", "foot_geom"]);
  assert.deepEqual([...sizes.slice(3, 5)], [0.05, 0.19999999999999996]);
  // A state with no noise: the torso's centre hangs at 1.25 m, upright.
  const state = new Float64Array(12);
  state[1] = 1.25;
  env.setState(state);
  const { positions, rotations } = env.geometryPoses();
  assert.equal(positions.length, 15);
  assert.deepEqual([...positions.slice(3, 6)], [0, 0, 1.25]);
  assert.deepEqual([...rotations.slice(9, 18)], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  env.close();
});

Deno.test("geometryPoses() does not change what the next step gives", async () => {
  const env = await make("Reacher-v4");
  const play = (look: boolean) => {
    env.reset(3);
    let sum = 0;
    for (let t = 0; t < 20; t++) {
      if (look) env.geometryPoses();
      sum += env.step([0.3, -0.2]).reward;
    }
    return [sum, ...env.observation];
  };
  assert.deepEqual(play(true), play(false));
  env.close();
});

/** The pole's angle after 0.64 s under a constant push, with a number of steps. */
async function fall(integrator: "Euler" | "RK4", steps: number): Promise<number> {
  const { body } = INVERTED_PENDULUM_V5;
  const options = { ...body.options, integrator, timeStepSeconds: 0.64 / steps };
  const simulation = await Simulation.create(renderMjcf({ ...body, options }));
  simulation.reset();
  simulation.qpos[1] = 0.1;
  simulation.ctrl[0] = 0.3;
  simulation.step(steps);
  const angle = simulation.qpos[1];
  simulation.close();
  return angle;
}

for (const [integrator, order] of [["RK4", 4], ["Euler", 1]] as const) {
  Deno.test(`Simulation.step() with ${integrator} is of order ${order}: halving the step shows it`, async () => {
    const exact = await fall("RK4", 1024);
    const coarse = Math.abs(await fall(integrator, 32) - exact);
    const fine = Math.abs(await fall(integrator, 64) - exact);
    const measured = Math.log2(coarse / fine);
    assert.ok(Math.abs(measured - order) < 0.3, `order ${measured}, errors ${coarse}, ${fine}`);
  });
}
