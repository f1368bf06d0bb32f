/**
 * An environment around a MuJoCo simulation: everything that Gymnasium's `MujocoEnv` does.
 *
 * Each task (hopper.ts, ant.ts, ...) describes its body, its start, its observation and its reward;
 * this file drives the simulation: start = reset data, put positions and velocities, forward;
 * step = set controls, some steps, then the external forces. Derived arrays such as xpos belong to
 * the last integration stage and lag behind qpos after a step, exactly as in Gymnasium.
 *
 * Source: Gymnasium 1.4, gymnasium/envs/mujoco/mujoco_env.py.
 */

import type { EnvSpec, Transition } from "../../lib/env.ts";
import type { Rng } from "../../lib/numbers/rng.ts";
import { EpisodeEnv } from "../episode.ts";
import type { BodyModel } from "./body_model.ts";
import { renderMjcf } from "./mjcf.ts";
import { type Geometry, Simulation } from "./simulation.ts";

/** What makes one MuJoCo environment differ from another. */
export interface MujocoTask {
  /** What the environment is. */
  readonly spec: EnvSpec;
  /** What moves. */
  readonly body: BodyModel;
  /** Simulation steps per environment step. */
  readonly frameSkip: number;
  /** Adds the start's noise to `qpos` and `qvel`, which hold the initial pose. */
  drawStart(rng: Rng, qpos: Float64Array, qvel: Float64Array): void;
  /** Fills the observation from the simulation. */
  observe(simulation: Simulation, observation: Float64Array): void;
  /** Returns the number from before the step that `judge` needs, e.g. the position; 0 if none. */
  measure(simulation: Simulation): number;
  /** Fills reward, survivalReward and terminated; `before` is what `measure` gave. */
  judge(
    simulation: Simulation,
    action: ArrayLike<number>,
    before: number,
    transition: Transition,
    observation: Float64Array,
  ): void;
}

/** Where the shapes of a simulation are, for drawing. */
export interface GeometryPoses {
  /** [geoms, 3] centres in metres. */
  readonly positions: Float64Array;
  /** [geoms, 3, 3] rotation matrices, row-major; a capsule's long axis is the third column. */
  readonly rotations: Float64Array;
}

/** A running MuJoCo environment; its state is qpos, then qvel. */
export class MujocoEnv extends EpisodeEnv {
  readonly #task: MujocoTask;
  readonly #simulation: Simulation;
  readonly #startPositions: Float64Array;
  readonly #startVelocities: Float64Array;
  readonly #positions: Float64Array;
  readonly #velocities: Float64Array;

  private constructor(task: MujocoTask, simulation: Simulation) {
    super(task.spec);
    this.#task = task;
    this.#simulation = simulation;
    this.#startPositions = simulation.qpos.slice();
    this.#startVelocities = simulation.qvel.slice();
    this.#positions = this.#startPositions.slice();
    this.#velocities = this.#startVelocities.slice();
  }

  /** Makes an environment; loads the physics engine if this thread has not loaded it. */
  static async create(task: MujocoTask): Promise<MujocoEnv> {
    return new MujocoEnv(task, await Simulation.create(renderMjcf(task.body)));
  }

  /** Simulated seconds in one step. */
  get stepSeconds(): number {
    return this.#simulation.modelArray("opt.timestep")[0] * this.#task.frameSkip;
  }

  /** The shapes of the bodies. */
  geometry(): Geometry {
    return this.#simulation.geometry();
  }

  /**
   * Copies where the shapes are; after a step this is the last integration stage, some milliseconds
   * before the observation.
   */
  geometryPoses(): GeometryPoses {
    return {
      positions: this.#simulation.view("geom_xpos").slice(),
      rotations: this.#simulation.view("geom_xmat").slice(),
    };
  }

  /**
   * Pushes the body that a shape belongs to, from the next step on until it is pushed otherwise or the
   * episode starts: a force on its centre of mass, [x, y, z] in m/s^2 for the whole figure's mass.
   */
  push(geom: number, acceleration: readonly [number, number, number]): void {
    const forces = this.#simulation.view("xfrc_applied"); // [bodies, 6]: force, then torque
    const mass = this.#simulation.bodyMasses.reduce((sum, one) => sum + one, 0);
    forces.fill(0);
    forces.set(
      acceleration.map((value) => value * mass),
      6 * this.#simulation.modelArray("geom_bodyid")[geom],
    );
  }

  /** Copies one array of the compiled model; see `Simulation.modelArray`. */
  modelArray(name: string): Float64Array {
    return this.#simulation.modelArray(name);
  }

  /** Copies qpos, then qvel. */
  state(): Float64Array {
    const { qpos, qvel } = this.#simulation;
    const state = new Float64Array(qpos.length + qvel.length);
    state.set(qpos);
    state.set(qvel, qpos.length);
    return state;
  }

  /**
   * Puts positions and velocities back, with cold solver and zero controls: where a contact is
   * active, a step from here differs from the unbroken episode by the solver's tolerance.
   */
  setState(state: ArrayLike<number>): void {
    const positions = this.#positions;
    const velocities = this.#velocities;
    this.checkState(state, positions.length + velocities.length);
    for (let i = 0; i < positions.length; i++) positions[i] = state[i];
    for (let i = 0; i < velocities.length; i++) velocities[i] = state[positions.length + i];
    this.#place();
  }

  /** Puts the task's drawn start in place. */
  protected override start(rng: Rng): void {
    this.#positions.set(this.#startPositions);
    this.#velocities.set(this.#startVelocities);
    this.#task.drawStart(rng, this.#positions, this.#velocities);
    this.#place();
  }

  /** Applies the action as controls for `frameSkip` simulation steps. */
  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    const simulation = this.#simulation;
    const task = this.#task;
    const before = task.measure(simulation);
    const ctrl = simulation.ctrl;
    for (let i = 0; i < ctrl.length; i++) ctrl[i] = action[i];
    simulation.step(task.frameSkip);
    task.observe(simulation, this.observation);
    task.judge(simulation, action, before, transition, this.observation);
  }

  /** Frees the simulation. */
  protected override release(): void {
    this.#simulation.close();
  }

  #place(): void {
    const simulation = this.#simulation;
    simulation.reset();
    simulation.qpos.set(this.#positions);
    simulation.qvel.set(this.#velocities);
    simulation.forward();
    this.#task.observe(simulation, this.observation);
  }
}
