/**
 * The generator: a tiled hypernetwork that maps commands to policy parameters.
 *
 * For each kind of policy layer two multilayer perceptrons, one for weight tiles and one for bias
 * tiles, map (embedding of the tile, encoded command) to the tile's numbers. Three things are written
 * so that an update needs less arithmetic than the textbook form, with the same result:
 *
 * 1. The first layer acts on a concatenation (embedding, command), so its product is a sum of two:
 *    the embeddings' part is computed once per tile, the commands' once per policy.
 *    // [T, E] @ [E, H] and [B, C] @ [C, H], added as [1, T, H] + [B, 1, H]
 *    Of a single tile the embeddings' part is the bias of the commands' product.
 * 2. A neuron's bias is the mean over the tiles on its input side. The last layer of the bias network
 *    is linear, so the mean is taken before it: T_out rows instead of T_in * T_out.
 * 3. The result stays in generator order (see lib/model.ts): no transposition of tiles.
 *
 * The loss compares weights, or what policies do (models/policy_actions.ts), or both.
 */

import {
  add,
  concat,
  constant,
  linear,
  matmul,
  mean,
  mul,
  relu,
  reshape,
  slice,
} from "../lib/autodiff/tensor.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import type { Config } from "../lib/config/config.ts";
import type {
  BatchTensors,
  GeneratorModel,
  PolicyShape,
  WeightSpec,
  WeightTensors,
} from "../lib/model.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { actionError, squaredError } from "../lib/autodiff/losses.ts";
import { commandEncoder } from "./command_encoding.ts";
import { initialiseGenerator } from "./initialisation.ts";
import { actOnOwn, actOnStates, cutPolicies, inPolicyOrder, layersOf } from "./policy_actions.ts";
import { generatorOrder, type TileKind, tilePolicy } from "./tiling.ts";

/** The two generating networks of a tile kind. */
export type HeadName = "weight" | "bias";
/** Both of them, in the order in which weights are listed. */
export const HEADS: readonly HeadName[] = ["weight", "bias"];

/** Length of the learnt embedding of a tile, E, where nothing is said of it: the reference's. */
const EMBEDDING_SIZE = 32;

/** What `createTiledGenerator` and its relatives build on. */
export interface TiledGeneratorOptions {
  /** Tiles, layers and command encoding. */
  readonly config: Config["generator"];
  /** The policy network that is generated. */
  readonly shape: PolicyShape;
  /** Length of a latent vector that joins the command, 0 for none. */
  readonly latentSize: number;
  /** What the loss compares; weights when absent. */
  readonly loss?: Config["update"]["loss"];
  /** Whether generated policies do nothing at first; false when absent. */
  readonly startsStill?: boolean;
  /** Length of a tile's embedding, E; the reference's when absent. */
  readonly embeddingSize?: number;
  /** What comes out of the heads is multiplied by this / sqrt(fan-in); not at all when absent. */
  readonly outputScale?: number;
}

/** The deviation of a generated weight where the initialisation is the reference's (models/initialisation.ts). */
const REFERENCE_DEVIATION = 0.1;

/** States on which policies are compared in one update, M. */
const STATE_COUNT = 32;
/** What the weights' error counts beside the actions' in the loss "both". */
const WEIGHTS_IN_BOTH = 0.05;

/**
 * Creates the deterministic tiled generator.
 * @throws {RangeError} when a policy width is no multiple of the tile size, or there is no layer.
 */
export function createTiledGenerator(options: TiledGeneratorOptions): GeneratorModel {
  const { config, shape, latentSize, loss = "weights", outputScale } = options;
  if (config.hiddenSizes.length === 0) {
    throw new RangeError(
      "Cannot create generator: generator.hiddenSizes must name at least one width, got []",
    );
  }
  const kinds = tilePolicy(shape.sizes, config.tileSize, shape.skip);
  const encoder = commandEncoder(config);
  const order = generatorOrder(kinds);
  const weights = kinds.flatMap((kind) => weightSpecs(kind, options, encoder.size + latentSize));

  function generateParts(tensors: WeightTensors, commands: Tensor, latents?: Tensor): Tensor[] {
    const conditions = latents ? concat([commands, latents], 1) : commands; // [B, C + L]
    const parts = kinds.flatMap((kind) =>
      generateKind(tensors, kind, conditions, config.hiddenSizes)
    );
    if (outputScale === undefined) return parts;
    const scales = Float32Array.from(order, (place) => outputScale * shape.scale[place]);
    return cutPolicies(kinds, mul(join(parts), constant(scales, [1, scales.length])));
  }

  function join(parts: readonly Tensor[]): Tensor {
    return parts.length === 1 ? parts[0] : concat(parts, 1); // [B, P]
  }

  function traceLoss(tensors: WeightTensors, batch: BatchTensors): Tensor {
    const { commands, targets, shares, states } = batch;
    const parts = generateParts(tensors, commands);
    if (states === undefined) return squaredError(join(parts), targets, shares);
    const act = (rows: readonly Tensor[]) => actOnStates(layersOf(kinds, rows), states, shape);
    const error = actionError(act(parts), act(cutPolicies(kinds, targets)), shares);
    if (loss === "function") return error;
    return add(error, mul(squaredError(join(parts), targets, shares), WEIGHTS_IN_BOTH));
  }

  return {
    answers: "any",
    weights,
    parameterCount: shape.parameterCount,
    order,
    commandSize: encoder.size,
    latentSize,
    lossNoise: [],
    encodeCommand: encoder.encode,
    traceEncoding: encoder.trace,
    initialise: (rng: Rng) =>
      initialiseGenerator(
        rng,
        weights,
        options.startsStill ? { headGains: stillGains(kinds) } : {},
      ),
    lossStates: loss === "weights" ? undefined : [STATE_COUNT, shape.sizes[0]],
    generate: (tensors: WeightTensors, commands: Tensor, latents?: Tensor) =>
      join(generateParts(tensors, commands, latents)),
    inPolicyOrder: (policies: Tensor) => inPolicyOrder(kinds, policies),
    outputs: (tensors: WeightTensors, commands: Tensor, observations: Tensor) =>
      actOnOwn(layersOf(kinds, generateParts(tensors, commands)), observations, shape),
    loss: traceLoss,
  };
}

/** What makes a policy do nothing: a last layer of zeros, below it weights of their natural size. */
function stillGains(kinds: readonly TileKind[]): Record<string, number> {
  return Object.fromEntries(kinds.map(({ name, layers: [{ fanIn }] }) => [
    name,
    name === "input" || name === "hidden" ? 1 / Math.sqrt(fanIn + 1) / REFERENCE_DEVIATION : 0,
  ]));
}

/** A skip connection has no biases. */
function headsOf({ layers: [{ biasOffset }] }: TileKind): readonly HeadName[] {
  return biasOffset === undefined ? ["weight"] : HEADS;
}

function weightSpecs(
  kind: TileKind,
  { config, embeddingSize = EMBEDDING_SIZE }: TiledGeneratorOptions,
  conditionSize: number,
): WeightSpec[] {
  const specs: WeightSpec[] = [
    { name: `${kind.name}.embedding`, shape: [kind.tileCount, embeddingSize] },
  ];
  for (const head of headsOf(kind)) {
    const prefix = `${kind.name}.${head}`;
    const [first, ...others] = config.hiddenSizes;
    specs.push(
      { name: `${prefix}.0.command`, shape: [first, conditionSize] },
      { name: `${prefix}.0.embedding`, shape: [first, embeddingSize] },
      { name: `${prefix}.0.bias`, shape: [first] },
    );
    let width = first;
    others.forEach((next, index) => {
      specs.push(
        { name: `${prefix}.${index + 1}.weight`, shape: [next, width] },
        { name: `${prefix}.${index + 1}.bias`, shape: [next] },
      );
      width = next;
    });
    const outputs = head === "weight" ? kind.rows * kind.columns : kind.rows;
    specs.push(
      { name: `${prefix}.head.weight`, shape: [outputs, width] },
      { name: `${prefix}.head.bias`, shape: [outputs] },
    );
  }
  return specs;
}

/** Generates the tiles of one kind: [B, C] -> weight tiles and bias tiles as rows [B, numbers]. */
function generateKind(
  tensors: WeightTensors,
  kind: TileKind,
  conditions: Tensor,
  hiddenSizes: readonly number[],
): Tensor[] {
  const { name, rows, columns, layers, tileCount } = kind;
  const trunk = (head: HeadName): Tensor => {
    const prefix = `${name}.${head}`;
    const width = hiddenSizes[0];
    const embeddingPart = linear(
      tensors[`${name}.embedding`],
      tensors[`${prefix}.0.embedding`],
      tensors[`${prefix}.0.bias`],
    );
    const command = tensors[`${prefix}.0.command`];
    let hidden: Tensor;
    if (tileCount === 1) hidden = relu(linear(conditions, command, embeddingPart)); // [B, H]
    else {
      // [B, 1, H] + [1, T, H] -> [B, T, H] -> [B * T, H]
      const commandPart = matmul(conditions, command, { transposeB: true });
      const sum = add(
        reshape(commandPart, [-1, 1, width]),
        reshape(embeddingPart, [1, tileCount, width]),
      );
      hidden = reshape(relu(sum), [-1, width]);
    }
    for (let layer = 1; layer < hiddenSizes.length; layer++) {
      hidden = relu(
        linear(hidden, tensors[`${prefix}.${layer}.weight`], tensors[`${prefix}.${layer}.bias`]),
      );
    }
    return hidden;
  };
  const applyHead = (head: HeadName, hidden: Tensor): Tensor =>
    linear(hidden, tensors[`${name}.${head}.head.weight`], tensors[`${name}.${head}.head.bias`]);

  // [B * T, H] -> [B * T, rows * columns] -> [B, T * rows * columns]
  const weightTiles = reshape(applyHead("weight", trunk("weight")), [
    -1,
    tileCount * rows * columns,
  ]);

  if (headsOf(kind).length === 1) return [weightTiles];
  const width = hiddenSizes[hiddenSizes.length - 1];
  const biasHidden = reshape(trunk("bias"), [-1, tileCount, width]);
  let start = 0;
  const biasTiles = layers.map(({ tilesIn, tilesOut }) => {
    const count = tilesIn * tilesOut;
    const own = count === tileCount
      ? biasHidden
      : slice(biasHidden, { axis: 1, start, end: start + count });
    start += count;
    // [B, T_in, T_out, H] -> mean over the input side -> [B * T_out, H] -> [B, T_out * rows]
    const averaged = tilesIn === 1
      ? reshape(own, [-1, width])
      : reshape(mean(reshape(own, [-1, tilesIn, tilesOut, width]), { axes: [1] }), [-1, width]);
    return reshape(applyHead("bias", averaged), [-1, tilesOut * rows]);
  });
  return [weightTiles, ...biasTiles];
}
