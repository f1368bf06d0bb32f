/**
 * The tiled generator as a textbook would write it, in plain loops, for comparison: one tile at a
 * time, embedding and command concatenated, biases averaged after the network, W filled tile by tile.
 * It shares no code with models/generator.ts but the names of the weights.
 */

/** What the textbook form needs to know. */
export interface TextbookOptions {
  /** Weights by the names `weights.NAME`. */
  readonly weights: Readonly<
    Record<string, { readonly data: ArrayLike<unknown>; readonly shape: readonly number[] }>
  >;
  /** Widths of the policy. */
  readonly sizes: readonly number[];
  readonly tileSize: number;
  /** Whether the last layer sees the observation behind the last hidden layer; not when absent. */
  readonly isSkipping?: boolean;
  /** Number of the generator's hidden layers. */
  readonly depth: number;
  /** Encoded command and, after it, the latent, [C + L]. */
  readonly condition: readonly number[];
}

/** Generates one policy in policy order, [P]. */
export function generateTextbook(options: TextbookOptions): number[] {
  const { sizes, tileSize } = options;
  const theta: number[] = [];
  const nextTile = new Map<string, number>();
  const last = sizes.length - 2;
  for (let layer = 0; layer <= last; layer++) {
    const [fanIn, fanOut] = [sizes[layer], sizes[layer + 1]];
    const kind = last === 0
      ? "linear"
      : layer === 0
      ? "input"
      : layer === last
      ? "output"
      : "hidden";
    const columns = layer === 0 ? fanIn : tileSize;
    const rows = layer === last ? fanOut : tileSize;
    const [tilesIn, tilesOut] = [fanIn / columns, fanOut / rows];
    const W = Array.from({ length: fanOut }, () => new Array<number>(fanIn).fill(NaN));
    const b = new Array<number>(fanOut).fill(0);
    for (let tileIn = 0; tileIn < tilesIn; tileIn++) {
      for (let tileOut = 0; tileOut < tilesOut; tileOut++) {
        const tile = nextTile.get(kind) ?? 0;
        nextTile.set(kind, tile + 1);
        const weightTile = network(options, { kind, head: "weight", tile });
        const biasTile = network(options, { kind, head: "bias", tile });
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            W[tileOut * rows + row][tileIn * columns + column] = weightTile[row * columns + column];
          }
          b[tileOut * rows + row] += biasTile[row] / tilesIn;
        }
      }
    }
    if (options.isSkipping && layer === last && last > 0) {
      const tile = network(options, { kind: "skip", head: "weight", tile: 0 });
      W.forEach((own, row) => own.push(...tile.slice(row * sizes[0], (row + 1) * sizes[0])));
    }
    theta.push(...W.flat(), ...b);
  }
  return theta;
}

/** One multilayer perceptron on one concatenated input. */
function network(
  { weights, depth, condition }: TextbookOptions,
  { kind, head, tile }: { kind: string; head: string; tile: number },
): number[] {
  const matrix = (name: string): number[][] => {
    const { data, shape: [rows, columns] } = weights[`weights.${kind}.${name}`];
    return Array.from(
      { length: rows },
      (_, i) => Array.from({ length: columns }, (_, j) => Number(data[i * columns + j])),
    );
  };
  const vector = (name: string): number[] =>
    Array.from(weights[`weights.${kind}.${name}`].data, Number);
  const apply = (W: number[][], b: number[], x: number[]): number[] =>
    W.map((row, i) => row.reduce((sum, weight, j) => sum + weight * x[j], b[i]));
  const relu = (x: number[]): number[] => x.map((value) => Math.max(0, value));

  const input = [...matrix("embedding")[tile], ...condition];
  const onEmbedding = matrix(`${head}.0.embedding`);
  const onCondition = matrix(`${head}.0.command`);
  const first = onEmbedding.map((row, i) => [...row, ...onCondition[i]]);
  let hidden = relu(apply(first, vector(`${head}.0.bias`), input));
  for (let layer = 1; layer < depth; layer++) {
    hidden = relu(
      apply(matrix(`${head}.${layer}.weight`), vector(`${head}.${layer}.bias`), hidden),
    );
  }
  return apply(matrix(`${head}.head.weight`), vector(`${head}.head.bias`), hidden);
}
