/** Single steps of classic control worked by hand, and the arithmetic on actions. */

import assert from "node:assert/strict";
import { Acrobot } from "../../envs/acrobot.ts";
import { CartPole } from "../../envs/cart_pole.ts";
import { weightedSquares } from "../../envs/float32.ts";
import { MountainCarContinuous } from "../../envs/mountain_car_continuous.ts";
import { Pendulum } from "../../envs/pendulum.ts";

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);
}

Deno.test("CartPole.step() pushes the cart away under an upright pole at rest", () => {
  const env = new CartPole();
  env.reset(0);
  env.setState([0, 0, 0, 0]);
  const { reward, terminated } = env.step([1]);
  // temp = 10 / 1.1; angle'' = -temp / (0.5 (4/3 - 0.1 / 1.1)); x'' = temp - 0.05 angle'' / 1.1
  const temp = 10 / 1.1;
  const angular = -temp / (0.5 * (4 / 3 - 0.1 / 1.1)); // -14.634
  const [x, speed, angle, turning] = env.state();
  assert.deepEqual([x, angle], [0, 0]); // the old velocities, which were 0
  near(speed, 0.02 * (temp - 0.05 * angular / 1.1)); // 0.19512
  near(turning, 0.02 * angular); // -0.29268
  assert.deepEqual([reward, terminated], [1, false]);
});

Deno.test("CartPole.step() terminates beyond 2.4 m and 12 degrees, and pays for it", () => {
  const env = new CartPole();
  for (
    const [state, expected] of [
      [[2.39, 0, 0, 0], false],
      [[2.39, 1, 0, 0], true], // 2.39 + 0.02
      [[0, 0, -0.2, 0], false],
      [[0, 0, -0.2, -0.5], true], // -0.21 rad = -12.03 degrees
    ] as const
  ) {
    env.reset(0);
    env.setState(state);
    const { reward, terminated } = env.step([0]);
    assert.deepEqual([reward, terminated], [1, expected]);
  }
});

Deno.test("Pendulum.step() pays for the angle before the step and clips the torque", () => {
  const env = new Pendulum();
  env.reset(0);
  env.setState([Math.PI / 2 + 2 * Math.PI, 0]); // a turn is taken off
  const { reward } = env.step([5]); // acts and costs as 2
  near(reward, -((Math.PI / 2) ** 2 + 0.001 * 4));
  near(env.state()[1], (15 + 3 * 2) * 0.05); // 1.05
  near(env.state()[0], Math.PI / 2 + 2 * Math.PI + 1.05 * 0.05);
});

Deno.test("MountainCarContinuous.step() clips the force but not its cost, and pays at the goal", () => {
  const env = new MountainCarContinuous();
  env.reset(0);
  env.setState([-0.5, 0]);
  const { reward, terminated } = env.step([3]);
  near(reward, -0.9);
  assert.equal(terminated, false);
  const force = Math.fround(0.0015 - 0.0025 * Math.cos(-1.5));
  assert.equal(env.state()[1], force);
  env.setState([0.44, 0.05]);
  assert.deepEqual({ ...env.step([0]) }, {
    reward: 100,
    survivalReward: 0,
    terminated: true,
    truncated: false,
  });
});

Deno.test("MountainCarContinuous.step() stops the car at the left wall", () => {
  const env = new MountainCarContinuous();
  env.reset(0);
  env.setState([Math.fround(-1.19), Math.fround(-0.06)]);
  env.step([-1]);
  assert.deepEqual([...env.state()], [Math.fround(-1.2), 0]);
});

Deno.test("Acrobot.step() leaves a hanging body at rest and terminates above the line", () => {
  const env = new Acrobot();
  env.reset(0);
  env.setState([0, 0, 0, 0]);
  const { reward, terminated } = env.step([1]);
  assert.deepEqual([reward, terminated], [-1, false]);
  for (const number of env.state()) near(number, 0);
  env.setState([Math.PI, 0, 0, 0]); // upright: -cos pi - cos pi = 2 > 1
  const upright = env.step([1]);
  assert.deepEqual([upright.reward, upright.terminated], [0, true]);
});

Deno.test("weightedSquares() rounds as the array's type", () => {
  assert.equal(weightedSquares(0.5, [1, 2, 3]), 7);
  assert.equal(weightedSquares(0.1, [0.3]), 0.1 * (0.3 * 0.3));
  const single = Math.fround(0.3);
  const expected = Math.fround(Math.fround(0.1) * Math.fround(single * single));
  assert.equal(weightedSquares(0.1, Float32Array.of(0.3)), expected);
  // Eight numbers are added in pairs: each 2^-25 alone is lost next to 1, four of them are not.
  const small = 2 ** -12.5;
  const eight = Float32Array.of(1, 0, small, small, small, small, small, small);
  assert.equal(weightedSquares(1, eight), 1 + 2 ** -23);
  assert.equal(weightedSquares(1, eight.slice(0, 7)), 1);
});
