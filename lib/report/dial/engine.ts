/**
 * What a dial's page runs besides its own script: the generator, the environment and the policy, without a
 * document. The same code plays in a browser, in this program and in its tests. `deno task dial` makes one
 * script of it and of everything it imports, engine_bundle.js.
 */

import { interpret } from "../../autodiff/interpret.ts";
import type { Config } from "../../config/config.ts";
import type { Env, EnvRegistry, Transition } from "../../env.ts";
import { appendChecksum } from "../../formats/checksum.ts";
import { type Calibration, commandFor, reachableRange } from "../../generator/calibration.ts";
import { traceParameters } from "../../generator/exported/graphs.ts";
import { prepareLoops } from "../../generator/exported/loops.ts";
import type { ModelTable, NormaliserState } from "../../model.ts";
import { encodePolicyModel } from "../../onnx/policy_model.ts";
import type { PolicyParameters } from "../../policy_space.ts";
import { type Scene, sceneOf } from "../play/scene.ts";
import { type Drag, pushEnv } from "./push.ts";

/** A generator as a page holds it: values of JSON. */
export interface DialGenerator {
  /** The configuration that it was trained with. */
  readonly config: Config;
  /** float32 numbers in base64, in the order of the model's weights. */
  readonly weights: string;
  /** The normaliser of its policies' observations, [S] each. */
  readonly normaliser: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
  /** Which command earns which return. */
  readonly calibration: Calibration;
  /** What the file of a policy says of it; the request and the command are put in. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a wanted return leads to. */
export interface DialPolicy {
  /** In policy order, [P]. */
  readonly parameters: PolicyParameters;
  /** The generator's command. */
  readonly command: number;
  /** The mean return to expect. */
  readonly expected: number;
}

/** A policy at work in an environment of its own. */
export interface Subject {
  /** What is drawn. */
  readonly scene: Scene;
  /** End points of its strokes as x1, y1, x2, y2 in metres; `step` and `restart` fill them. */
  readonly points: Float64Array;
  /** What the environment shows, [S]. */
  readonly observation: Float64Array;
  /** Acts as that policy from now on. */
  use(policy: DialPolicy): void;
  /** Starts the episode of a seed. */
  restart(seed: number): Promise<void>;
  /** Takes one step; a drag pushes for its length. */
  step(drag?: Drag): Promise<Transition>;
  /** Frees the environment. */
  close(): Promise<void>;
}

/** A dial's engine. */
export interface Engine {
  /** Id of the environment. */
  readonly env: string;
  /** The longest episode in steps. */
  readonly maxEpisodeSteps: number;
  /** The returns between which requests are answered. */
  readonly reachable: { readonly min: number; readonly max: number };
  /** Makes the policy for a return. */
  generate(wanted: number): DialPolicy;
  /** Makes an environment with nobody in it: `use` a policy and `restart`. */
  createSubject(): Promise<Subject>;
  /** Writes the policy for a return as an ONNX file, which every command of the program reads. */
  encodeOnnx(wanted: number): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Opens an engine.
 * @throws {UsageError} for a generator that draws another policy for each request.
 */
export function openEngine(
  { config, weights, normaliser: { mean, deviation }, calibration, metadata }: DialGenerator,
  { registry, models }: { readonly registry: EnvRegistry; readonly models: ModelTable },
): Engine {
  const spec = registry.spec(config.env);
  const shape = models.policyShape(spec, config.policy);
  const normaliser: NormaliserState = {
    mean: Float64Array.from(mean),
    deviation: Float64Array.from(deviation),
  };
  const graph = prepareLoops(traceParameters({
    spec,
    shape,
    model: models.createGenerator(config, shape),
    weights: new Float32Array(Uint8Array.fromBase64(weights).buffer),
    normaliser,
    calibration,
  }, 1));

  function generate(wanted: number): DialPolicy {
    const { parameters } = interpret(graph, { wantedReturn: { data: [wanted], shape: [1] } });
    const { command, expected } = commandFor(calibration, wanted);
    return { parameters: parameters.data as Float32Array as PolicyParameters, command, expected };
  }

  return {
    env: spec.id,
    maxEpisodeSteps: spec.maxEpisodeSteps,
    reachable: reachableRange(calibration),
    generate,
    async createSubject() {
      const env = await registry.make(spec.id);
      const policy = models.createPolicy(spec, shape);
      policy.normalise(normaliser);
      return createSubject(env, {
        act: async (action) => await policy.act(env.observation, action),
        load: (parameters) => policy.load(parameters),
      });
    },
    async encodeOnnx(wanted) {
      const { parameters, command } = generate(wanted);
      const texts = { ...metadata, requestedReturn: String(wanted), command: String(command) };
      const model = encodePolicyModel({ ...config.policy, parameters, normaliser }, {
        metadata: texts,
        spec,
        models,
      });
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", model));
      return appendChecksum(model, hash.toHex());
    },
  };
}

async function createSubject(
  env: Env,
  { act, load }: {
    act: (action: Float64Array) => Promise<void>;
    load: (parameters: PolicyParameters) => void;
  },
): Promise<Subject> {
  await env.reset(0); // shapes have no places before
  const scene = sceneOf(env);
  const points = new Float64Array(4 * scene.strokes.length);
  scene.place(points);
  const { actionSpace } = env.spec;
  const action = new Float64Array(actionSpace.kind === "discrete" ? 1 : actionSpace.low.length);
  return {
    scene,
    points,
    observation: env.observation,
    use: ({ parameters }) => load(parameters),
    async restart(seed) {
      await env.reset(seed);
      scene.place(points);
    },
    async step(drag) {
      await act(action);
      pushEnv(env, scene, drag);
      const transition = await env.step(action);
      scene.place(points);
      return transition;
    },
    close: async () => await env.close(),
  };
}
