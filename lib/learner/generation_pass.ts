/** Runs a generator's forward pass: scaled commands -> policies in generator order. */

import { countMultiplyAdds } from "../autodiff/cost.ts";
import type { GeneratorModel, WeightSpec } from "../model.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import { exportOnnx } from "../onnx/export.ts";
import {
  createSession,
  type Feeds,
  type Session,
  type SessionOptions,
  type TensorValue,
} from "../onnx/session.ts";
import { chooseThreads } from "../onnx/threads.ts";
import type { Rng } from "../numbers/rng.ts";
import { sizeOf } from "../autodiff/shape.ts";
import { traceGeneration } from "./update_graph.ts";

/** Weights as the generation graph takes them: `weights.NAME`, or `weights.WIDTH` for groups of them. */
export type WeightValues = Feeds;

/** A generator's forward pass in ONNX Runtime; loaded at the first use. */
export class GenerationPass {
  readonly #model: GeneratorModel;
  readonly #options: SessionOptions;
  #session: Session | undefined;

  /** Keeps what the first use loads; nothing is loaded yet. */
  constructor(model: GeneratorModel, options: SessionOptions) {
    this.#model = model;
    this.#options = options;
  }

  /**
   * Generates policies: n rows of [P], views of one array.
   * @param rng draws the latents of a generator that has some: n * L normal numbers
   */
  async run(
    weights: WeightValues,
    { commands, rng }: { commands: readonly number[]; rng: Rng },
  ): Promise<GeneratedPolicy[]> {
    const { parameterCount: size, latentSize } = this.#model;
    this.#session = await this.#sessionFor(weights);
    const count = commands.length;
    const feeds: Record<string, Feeds[string]> = {
      ...weights,
      commands: encodeCommands(this.#model, commands),
    };
    if (latentSize > 0) {
      const latents = new Float32Array(count * latentSize);
      rng.fillStandardNormal(latents);
      feeds.latents = { data: latents, shape: [count, latentSize] };
    }
    const policies = { data: new Float32Array(count * size), shape: [count, size] };
    await this.#session.run(feeds, { policies });
    return commands.map((_, row) =>
      policies.data.subarray(row * size, (row + 1) * size) as GeneratedPolicy
    );
  }

  /** Gives the session that takes weights in the form in which they come: by name or as groups. */
  async #sessionFor(weights: WeightValues): Promise<Session> {
    const [name] = Object.keys(weights);
    if (this.#session?.inputNames.includes(name)) return this.#session;
    await this.close();
    const isGrouped = !this.#model.weights.some((weight) => name === `weights.${weight.name}`);
    const graph = traceGeneration(this.#model, { isGrouped });
    const options = chooseThreads(this.#options, countMultiplyAdds(graph, 1));
    return createSession(exportOnnx(graph, { name: "generation" }), options);
  }

  /** Frees the loaded graph. */
  async close(): Promise<void> {
    await this.#session?.release();
    this.#session = undefined;
  }
}

/** Encodes scaled commands as the generator's input, [n, C]. */
export function encodeCommands(model: GeneratorModel, commands: readonly number[]): TensorValue {
  const size = model.commandSize;
  const data = new Float32Array(commands.length * size);
  commands.forEach((command, row) =>
    model.encodeCommand(command, data.subarray(row * size, (row + 1) * size))
  );
  return { data, shape: [commands.length, size] };
}

/** Names the pieces of one flat vector, [W], by prefix and weight: views, nothing is copied. */
export function nameWeights(
  specs: readonly WeightSpec[],
  { flat, prefix }: { flat: Float32Array; prefix: string },
): Record<string, TensorValue> {
  const values: Record<string, TensorValue> = {};
  let offset = 0;
  for (const { name, shape } of specs) {
    const data = flat.subarray(offset, offset += sizeOf(shape));
    values[`${prefix}.${name}`] = { data, shape };
  }
  return values;
}

/** Counts the numbers in a generator's weights, W. */
export function countWeights(specs: readonly WeightSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
