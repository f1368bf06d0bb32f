/**
 * How a policy network is cut into tiles.
 *
 * The generator does not put out a policy's P parameters from one layer: a layer of the policy is a
 * grid of tiles of F features, every tile is generated from its own embedding, and all tiles of one
 * kind share one network. There are three kinds (input, hidden, output), so that a network with many
 * hidden layers needs no more generator weights than one with two; a policy without hidden layers has
 * the single kind "linear" with one tile. Source: the public reference configuration of UDRLPG. What of the
 * last layer sees the observation is a kind of its own, "skip", one tile without biases.
 */

import { fanIns, type Skip } from "../lib/kernels/policy_kernel.ts";

/** The kinds of policy layer that have a generating network of their own. */
export type TileKindName = "input" | "hidden" | "output" | "linear" | "skip";

/** One layer of the policy as a grid of tiles. */
export interface TileLayer {
  /** Tiles along the layer's input. */
  readonly tilesIn: number;
  /** Tiles along its output. */
  readonly tilesOut: number;
  /** Width of the whole layer's input: the fan-in of its neurons, a skip connection's included. */
  readonly fanIn: number;
  /** Where its part of W begins in policy order. */
  readonly weightOffset: number;
  /** Where b begins; absent for a skip connection, whose layer has the biases. */
  readonly biasOffset?: number;
}

/** All tiles that one pair of generating networks (weights, biases) puts out. */
export interface TileKind {
  /** Part of the names of the generating weights. */
  readonly name: TileKindName;
  /** A weight tile is [rows, columns], a bias tile [rows]. */
  readonly rows: number;
  /** Inputs that a tile spans. */
  readonly columns: number;
  /** The policy layers of this kind, from the input on. */
  readonly layers: readonly TileLayer[];
  /** Tiles of all layers, T. */
  readonly tileCount: number;
}

/**
 * Cuts a policy network into tiles.
 *
 * @param sizes widths from observation to action, [S, H1, ..., A]
 * @param tileSize features of a tile, F
 * @param skip what the last layer sees besides the last hidden layer
 * @throws {RangeError} when a hidden width is no multiple of the tile size, naming the next one.
 */
export function tilePolicy(
  sizes: readonly number[],
  tileSize: number,
  skip: Skip = "none",
): TileKind[] {
  for (const width of sizes.slice(1, -1)) {
    if (width % tileSize !== 0) {
      const next = Math.ceil(width / tileSize) * tileSize;
      throw new RangeError(
        `Cannot tile policy: hidden widths must be multiples of the tile size ${tileSize}, ` +
          `got ${width}: the next valid width is ${next}`,
      );
    }
  }
  const last = sizes.length - 2;
  const widths = fanIns(sizes, skip);
  const kinds = new Map<TileKindName, { rows: number; columns: number; layers: TileLayer[] }>();
  let offset = 0;
  for (let layer = 0; layer <= last; layer++) {
    const [inputs, fanIn, fanOut] = [sizes[layer], widths[layer], sizes[layer + 1]];
    const name = last === 0
      ? "linear"
      : layer === 0
      ? "input"
      : layer === last
      ? "output"
      : "hidden";
    const columns = layer === 0 ? inputs : tileSize;
    const rows = layer === last ? fanOut : tileSize;
    const kind = kinds.get(name) ?? { rows, columns, layers: [] };
    kinds.set(name, kind);
    kind.layers.push({
      tilesIn: inputs / columns,
      tilesOut: fanOut / rows,
      fanIn,
      weightOffset: offset,
      biasOffset: offset + fanIn * fanOut,
    });
    if (fanIn > inputs) {
      const own = { tilesIn: 1, tilesOut: 1, fanIn, weightOffset: offset + inputs };
      kinds.set("skip", { rows: fanOut, columns: sizes[0], layers: [own] });
    }
    offset += fanIn * fanOut + fanOut;
  }
  return [...kinds].map(([name, kind]) => ({
    name,
    ...kind,
    tileCount: kind.layers.reduce((sum, { tilesIn, tilesOut }) => sum + tilesIn * tilesOut, 0),
  }));
}

/**
 * Finds the place in policy order of every number in generator order.
 *
 * Generator order: for each kind its weight tiles (layer, input tile, output tile, row, column), then
 * its bias tiles (layer, output tile, row) where it has some.
 *
 * @returns a permutation of 0 to P - 1, [P]
 */
export function generatorOrder(kinds: readonly TileKind[]): Int32Array {
  const order: number[] = [];
  for (const { rows, columns, layers } of kinds) {
    for (const { tilesIn, tilesOut, fanIn, weightOffset } of layers) {
      for (let tileIn = 0; tileIn < tilesIn; tileIn++) {
        for (let tileOut = 0; tileOut < tilesOut; tileOut++) {
          for (let row = 0; row < rows; row++) {
            const start = weightOffset + (tileOut * rows + row) * fanIn + tileIn * columns;
            for (let column = 0; column < columns; column++) order.push(start + column);
          }
        }
      }
    }
    for (const { tilesOut, biasOffset } of layers) {
      if (biasOffset === undefined) continue;
      for (let neuron = 0; neuron < tilesOut * rows; neuron++) order.push(biasOffset + neuron);
    }
  }
  return Int32Array.from(order);
}
