/**
 * One MuJoCo simulation in WebAssembly: the only file that touches `@mujoco/mujoco`.
 *
 * The module is loaded when the first simulation of a thread is made, and shared by the thread's
 * simulations. MuJoCo's arrays are seen through views of its memory, taken once; when the memory
 * grows, every view's length becomes 0 and they are taken again, which each call here does on its
 * own. So read `simulation.qpos` anew after each call, and keep no view across an `await`.
 */

import type { MainModule, MjData, MjModel } from "@mujoco/mujoco";
import { DivergedError } from "../../lib/system/errors.ts";

/** MuJoCo's arrays that environments read, as `mjData` spells them. */
export type DataView =
  | "qpos"
  | "qvel"
  | "ctrl"
  | "xpos"
  | "xipos"
  | "site_xpos"
  | "geom_xpos"
  | "geom_xmat"
  | "cfrc_ext"
  | "cinert"
  | "cvel"
  | "qfrc_actuator"
  | "qfrc_constraint"
  | "xfrc_applied";

/** All of them: each becomes a view of the simulation's memory. */
const DATA_VIEWS: readonly DataView[] = [
  "qpos",
  "qvel",
  "ctrl",
  "xpos",
  "xipos",
  "site_xpos",
  "geom_xpos",
  "geom_xmat",
  "cfrc_ext",
  "cinert",
  "cvel",
  "qfrc_actuator",
  "qfrc_constraint",
  "xfrc_applied",
];

/** Where an episode's clock starts: above 0, to which MuJoCo puts it when a state diverges. */
const START_SECONDS = 1;

let loading: Promise<MainModule> | undefined;

/** Loads the WebAssembly module at the first call of this thread (about a quarter of a second). */
function loadModule(): Promise<MainModule> {
  loading ??= import("@mujoco/mujoco").then((module) => module.default());
  return loading;
}

/** The shapes of a model and how they are drawn; see `Simulation.geometry`. */
export interface Geometry {
  /** One entry per geom. */
  readonly types: readonly ("plane" | "sphere" | "capsule" | "cylinder" | "other")[];
  /** Their names; "" where the model gives none. */
  readonly names: readonly string[];
  /** [geoms, 3] radius and half length (capsule, cylinder), radius (sphere), half extents. */
  readonly sizes: Float64Array;
}

/** `mjtGeom` of MuJoCo 3.14, as far as the models here use it. */
const GEOM_TYPES = ["plane", "other", "sphere", "capsule", "other", "cylinder"] as const;

/** `mjtObj.mjOBJ_GEOM` of MuJoCo 3.14. */
const OBJECT_GEOM = 5;

/** A compiled model and its running state. */
export class Simulation {
  readonly #module: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;
  /** Masses of the bodies in kg, [bodies]; a copy. */
  readonly bodyMasses: Float64Array;
  readonly #timeStepSeconds: number;
  #views!: Record<DataView, Float64Array>;
  #closed = false;

  private constructor(module: MainModule, mjcf: string) {
    this.#module = module;
    const model = module.MjModel.from_xml_string(mjcf);
    if (model === null) throw new Error("Internal error: MuJoCo compiled a model to nothing");
    this.#model = model;
    this.#data = new module.MjData(model)!;
    this.bodyMasses = this.modelArray("body_mass");
    this.#timeStepSeconds = this.modelArray("opt.timestep")[0];
    this.#takeViews();
  }

  /** Compiles an MJCF document. */
  static async create(mjcf: string): Promise<Simulation> {
    return new Simulation(await loadModule(), mjcf);
  }

  /** Generalised positions, [nq]. */
  get qpos(): Float64Array {
    return this.view("qpos");
  }

  /** Generalised velocities, [nv]. */
  get qvel(): Float64Array {
    return this.view("qvel");
  }

  /** The controls that the next step applies, [nu]. */
  get ctrl(): Float64Array {
    return this.view("ctrl");
  }

  /** Returns one of MuJoCo's arrays, row-major. Valid until the next call that may grow memory. */
  view(name: DataView): Float64Array {
    if (this.#views.qpos.length === 0) this.#takeViews();
    return this.#views[name];
  }

  /** Puts state and everything derived back to the model's initial pose. */
  reset(): void {
    this.#module.mj_resetData(this.#model, this.#data);
    this.#data.time = START_SECONDS;
  }

  /** Computes everything that follows from the state, without moving time. */
  forward(): void {
    this.#module.mj_forward(this.#model, this.#data);
  }

  /**
   * Advances by `count` time steps with the same controls, then computes external forces.
   * @throws {DivergedError} when the state became non-finite or larger than 1e10 (MuJoCo's mjMAXVAL):
   * MuJoCo then starts over from the initial pose, which shows in its clock, and says nothing.
   */
  step(count: number): void {
    const data = this.#data;
    const expected = data.time + (count - 0.5) * this.#timeStepSeconds;
    for (let i = 0; i < count; i++) this.#module.mj_step(this.#model, data);
    this.#module.mj_rnePostConstraint(this.#model, data);
    if (!(data.time > expected)) {
      throw new DivergedError(
        "Cannot step simulation: the state must stay finite and below 1e10, " +
          `got a state that MuJoCo threw away at ${data.time} s`,
      );
    }
  }

  /**
   * Copies one of the compiled model's arrays or scalars, such as "body_mass" or "opt.timestep".
   * @throws {RangeError} when the model has no such array.
   */
  modelArray(name: string): Float64Array {
    let value: unknown = this.#model;
    for (const key of name.split(".")) value = (value as Record<string, unknown>)?.[key];
    if (typeof value === "number") return Float64Array.of(value);
    if (ArrayBuffer.isView(value)) return Float64Array.from(value as Float64Array);
    throw new RangeError(`Cannot read model: there must be an array "${name}", got ${value}`);
  }

  /** Describes the model's shapes; their poses are the views "geom_xpos" and "geom_xmat". */
  geometry(): Geometry {
    const types = this.modelArray("geom_type");
    return {
      types: Array.from(types, (type) => GEOM_TYPES[type] ?? "other"),
      names: Array.from(
        types,
        (_, i) => this.#module.mj_id2name(this.#model, OBJECT_GEOM, i) ?? "",
      ),
      sizes: this.modelArray("geom_size"),
    };
  }

  /** Frees the simulation's memory; it is not usable afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#data.delete();
    this.#model.delete();
  }

  #takeViews(): void {
    const views = {} as Record<DataView, Float64Array>;
    for (const name of DATA_VIEWS) views[name] = this.#data[name];
    this.#views = views;
  }
}
