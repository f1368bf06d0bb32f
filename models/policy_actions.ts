/**
 * What the policies of a batch do on states that they share, traced, so that a loss can compare actions
 * in place of weights. Weights of a deep policy are one of many ways to say what it does: the mean of two
 * that do the same may do something else, while the mean of what two policies do lies between them.
 *
 * Everything is laid out with the states last: x [B, H, M] and W [B, out, in] give W x [B, out, M], so that
 * no forward product transposes anything. States are the same for all policies, [M, S], so that the first
 * layers of all of them are one product of two matrices:
 *
 *     // [B * H, S] @ [M, S]^T + [B * H, 1] -> [B * H, M]
 *
 * Weights stay in generator order (lib/model.ts). Where a layer's input is cut into tiles, each tile is
 * multiplied with its part of the input and the products are summed: reordering the weights would cost
 * as much, and their gradients would have to be put back.
 */

import {
  add,
  batchMatmul,
  concat,
  linear,
  matmul,
  mul,
  relu,
  reshape,
  slice,
  softmax,
  sum,
  tanh,
} from "../lib/autodiff/tensor.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import type { Activation } from "../lib/kernels/policy_kernel.ts";
import type { PolicyShape } from "../lib/model.ts";
import type { TileKind } from "./tiling.ts";

/** The numbers of one policy layer, for each policy of a batch. */
export interface LayerTensors {
  /** Weights as tiles of the input: [B, tilesIn * out * columns]. */
  readonly weights: Tensor;
  /** [B, out] */
  readonly biases: Tensor;
  /** Tiles along the layer's input. */
  readonly tilesIn: number;
  /** Inputs that a tile spans. */
  readonly columns: number;
  /** Width of its output. */
  readonly out: number;
  /** Weights for the observation, where the layer sees it beside its input: [B, out * S]. */
  readonly skip?: Tensor;
}

/** Splits generated or stored policies into their layers, given as the parts of `partSizes`. */
export function layersOf(kinds: readonly TileKind[], parts: readonly Tensor[]): LayerTensors[] {
  const rest = [...parts];
  const found = kinds.flatMap(({ name, rows, columns, layers }): LayerTensors[] => {
    if (name === "skip") return [];
    const [weights, ...biases] = rest.splice(0, 1 + layers.length);
    let start = 0;
    return layers.map(({ tilesIn, tilesOut }, i) => {
      const out = tilesOut * rows;
      const end = start + tilesIn * out * columns;
      const own = layers.length === 1 ? weights : slice(weights, { axis: 1, start, end });
      start = end;
      return { weights: own, biases: biases[i], tilesIn, columns, out };
    });
  });
  // The kind "skip" comes last.
  return rest.length === 0 ? found : found.with(-1, { ...found[found.length - 1], skip: rest[0] });
}

/** Gives the lengths of what generator order is made of: of each kind all weights, then each bias. */
function partSizes(kinds: readonly TileKind[]): number[] {
  return kinds.flatMap(({ rows, columns, layers, tileCount }) => [
    tileCount * rows * columns,
    ...layers.flatMap(({ tilesOut, biasOffset }) =>
      biasOffset === undefined ? [] : [tilesOut * rows]
    ),
  ]);
}

/** Cuts policies in generator order, [B, P], into the parts that `layersOf` takes. */
export function cutPolicies(kinds: readonly TileKind[], policies: Tensor): Tensor[] {
  let start = 0;
  return partSizes(kinds).map((size) => slice(policies, { axis: 1, start, end: start += size }));
}

/** Traces policies in generator order as ones in policy order, [B, P] -> [B, P] (lib/policy_space.ts). */
export function inPolicyOrder(kinds: readonly TileKind[], policies: Tensor): Tensor {
  const layers = layersOf(kinds, cutPolicies(kinds, policies));
  const rows = layers.flatMap(({ weights, biases, tilesIn, columns, out, skip }) => {
    if (tilesIn === 1 && !skip) return [weights, biases];
    const tiles = reshape(weights, [-1, tilesIn, out, columns]); // [B, T, out, columns]
    const columnsOf = (tile: number) =>
      reshape(slice(tiles, { axis: 1, start: tile, end: tile + 1 }), [-1, out, columns]);
    const parts = Array.from({ length: tilesIn }, (_, tile) => columnsOf(tile));
    const width = skip ? kinds[kinds.length - 1].columns : 0;
    const whole = concat(skip ? [...parts, reshape(skip, [-1, out, width])] : parts, 2);
    return [reshape(whole, [-1, out * (tilesIn * columns + width)]), biases];
  });
  return concat(rows, 1);
}

/** The activations as traced functions. */
export const ACTIVATE: { readonly [A in Activation]: (x: Tensor) => Tensor } = { tanh, relu };

/**
 * What the outputs of the last layer, [B, A, M], are compared as.
 *
 * Continuous actions are tanh of the outputs, scaled to the bounds: they are compared in [-1, 1], where
 * an output that is saturated may be as large as it likes.
 *
 * Discrete actions are the largest of the outputs: adding a number to all of them changes nothing, and
 * how the losers rank among themselves does not matter. Softmax says that: its gradient is greatest where
 * the first two are close, at the border between two actions. (The tanh of centred outputs does not: one
 * very low output lifts all others to where tanh is flat, and the border between them is lost.) Twice the
 * softmax spans as much as tanh does; of two actions it is 1 + tanh of half the difference.
 */
const SQUASH: { readonly [K in PolicyShape["actions"]]: (outputs: Tensor) => Tensor } = {
  box: tanh,
  discrete: (outputs) => mul(softmax(outputs, 1), 2),
};

/** Traces what policies do: layers of B policies and states [M, S] -> squashed actions [B, A, M]. */
export function actOnStates(
  layers: readonly LayerTensors[],
  states: Tensor,
  { activation, actions }: Pick<PolicyShape, "activation" | "actions">,
): Tensor {
  const [first, ...others] = layers;
  const count = states.shape[0];
  const flat = linear(
    reshape(first.weights, [-1, first.columns]), // [B * H, S]
    states,
    reshape(first.biases, [-1, 1]),
  );
  let x = reshape(flat, [-1, first.out, count]); // [B, H, M]
  for (const layer of others) {
    x = applyLayer(layer, ACTIVATE[activation](x));
    if (!layer.skip) continue;
    const seen = matmul(reshape(layer.skip, [-1, first.columns]), states, { transposeB: true });
    x = add(x, reshape(seen, [-1, layer.out, count])); // [B, A, M]
  }
  return SQUASH[actions](x);
}

/** Traces what policies put out, each on an observation of its own: [B, S] -> [B, A], not squashed. */
export function actOnOwn(
  layers: readonly LayerTensors[],
  observations: Tensor,
  { sizes, activation }: Pick<PolicyShape, "sizes" | "activation">,
): Tensor {
  const [first, ...others] = layers;
  const seen = reshape(observations, [-1, sizes[0], 1]);
  let x = applyLayer(first, seen); // [B, H, 1]
  for (const layer of others) {
    x = applyLayer(layer, ACTIVATE[activation](x));
    if (!layer.skip) continue;
    x = add(x, batchMatmul(reshape(layer.skip, [-1, layer.out, sizes[0]]), seen)); // [B, A, 1]
  }
  return reshape(x, [-1, sizes[sizes.length - 1]]);
}

/** [B, in, M] -> [B, out, M] */
function applyLayer({ weights, biases, tilesIn, columns, out }: LayerTensors, x: Tensor): Tensor {
  const count = x.shape[2];
  const bias = reshape(biases, [-1, out, 1]);
  if (tilesIn === 1) return add(batchMatmul(reshape(weights, [-1, out, columns]), x), bias);
  // [B, T, out, columns] @ [B, T, columns, M] -> [B, T, out, M] -> [B, out, M]
  const products = batchMatmul(
    reshape(weights, [-1, tilesIn, out, columns]),
    reshape(x, [-1, tilesIn, columns, count]),
  );
  return add(sum(products, { axes: [1] }), bias);
}
