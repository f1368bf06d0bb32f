/**
 * The loops of the reference interpreter: plain, over typed arrays, for any rank.
 *
 * They are what ONNX Runtime is tested against, so they are short rather than fast; only the matrix
 * product takes care of the memory order. Sums are accumulated in float64 and rounded once, also when
 * the arrays are float32. Arguments are not checked: shape rules have done it.
 */

import { sizeOf } from "./shape.ts";

/** What kernels read and write; integers are held as floats, exact up to 2^53. */
export type FloatArray = Float32Array | Float64Array;

/** A dense row-major array. */
export interface NDArray {
  /** Row-major elements; as many as the product of `shape`. */
  readonly data: FloatArray;
  /** Sizes of the axes; empty for a scalar. */
  readonly shape: readonly number[];
}

/** A window on an array: where it starts, and how far apart neighbours of each axis lie. */
export interface View {
  /** The elements of the array looked at, not a copy. */
  readonly data: FloatArray;
  /** Index in `data` of the window's first element. */
  readonly offset: number;
  /** Elements between neighbours of each axis; 0 repeats one element. */
  readonly strides: readonly number[];
}

/** Gives the distances between neighbours of each axis of a row-major array. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** Views an array as if broadcast to `rank` axes: stride 0 where it is repeated. */
export function broadcastView({ data, shape }: NDArray, rank: number): View {
  const strides = rowMajorStrides(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
  return { data, offset: 0, strides: [...Array(rank - shape.length).fill(0), ...strides] };
}

/** Visits every index of `shape` in row-major order with the views' element positions. */
function visit(
  shape: readonly number[],
  views: readonly View[],
  action: (positions: readonly number[]) => void,
): void {
  const positions = views.map((view) => view.offset);
  const recurse = (axis: number): void => {
    if (axis === shape.length) return action(positions);
    for (let index = 0; index < shape[axis]; index++) {
      recurse(axis + 1);
      for (let v = 0; v < views.length; v++) positions[v] += views[v].strides[axis];
    }
    for (let v = 0; v < views.length; v++) positions[v] -= views[v].strides[axis] * shape[axis];
  };
  recurse(0);
}

/** Applies a function to each element. */
export function map(x: NDArray, y: NDArray, compute: (x: number) => number): void {
  for (let i = 0; i < y.data.length; i++) y.data[i] = compute(x.data[i]);
}

/** Applies a function to each pair of elements, broadcasting. */
export function zip(
  { a, b, y }: { a: NDArray; b: NDArray; y: NDArray },
  compute: (a: number, b: number) => number,
): void {
  const size = y.data.length;
  if (a.data.length === size && b.data.length === size) {
    for (let i = 0; i < size; i++) y.data[i] = compute(a.data[i], b.data[i]);
    return;
  }
  let next = 0;
  const rank = y.shape.length;
  visit(y.shape, [broadcastView(a, rank), broadcastView(b, rank)], ([i, j]) => {
    y.data[next++] = compute(a.data[i], b.data[j]);
  });
}

/** Copies an array of the given shape from one view to another. */
export function copy(
  { shape, from, to }: { shape: readonly number[]; from: View; to: View },
): void {
  visit(shape, [from, to], ([i, j]) => {
    to.data[j] = from.data[i];
  });
}

/** Sums the elements of x that fall together when some strides of y's view are 0. */
export function reduceSum(x: NDArray, y: View): void {
  const total = new Float64Array(y.data.length);
  let next = 0;
  visit(x.shape, [y], ([i]) => {
    total[i] += x.data[next++];
  });
  y.data.set(total);
}

/** Multiplies matrices, a [M, K] and b [K, N] or transposed, plus a broadcast bias, to y [M, N]. */
export function matmul(
  { a, b, bias, y }: { a: NDArray; b: NDArray; bias: NDArray | undefined; y: NDArray },
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
): void {
  const [rows, columns] = y.shape;
  const inner = a.shape[transposeA ? 0 : 1];
  const row = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    row.fill(0);
    for (let k = 0; k < inner; k++) {
      const left = a.data[transposeA ? k * rows + i : i * inner + k];
      // The second operand is walked along its rows unless it is transposed.
      const start = transposeB ? k : k * columns;
      const stride = transposeB ? inner : 1;
      for (let j = 0; j < columns; j++) row[j] += left * b.data[start + j * stride];
    }
    y.data.set(row, i * columns);
  }
  if (bias !== undefined) zip({ a: y, b: bias, y }, (value, shift) => value + shift);
}

/**
 * Multiplies stacks of matrices, a [..., M, K] and b [..., K, N] or transposed, to y [..., M, N]; the
 * axes before the last two broadcast.
 */
export function batchMatmul(
  { a, b, y }: { a: NDArray; b: NDArray; y: NDArray },
  flags: { transposeA: boolean; transposeB: boolean },
): void {
  const rank = y.shape.length - 2;
  const matrices = [a, b, y].map(({ data, shape }) => {
    const size = sizeOf(shape.slice(-2));
    const stack = broadcastView({ data, shape: shape.slice(0, -2) }, rank);
    const at = (i: number) => ({
      data: data.subarray(i * size, (i + 1) * size),
      shape: shape.slice(-2),
    });
    return { stack, at };
  });
  visit(y.shape.slice(0, -2), matrices.map(({ stack }) => stack), (positions) => {
    const [left, right, product] = matrices.map(({ at }, i) => at(positions[i]));
    matmul({ a: left, b: right, bias: undefined, y: product }, flags);
  });
}

/** Computes exp(x) over its sum along an axis; the greatest element is taken off first. */
export function softmax(x: NDArray, { axis, y }: { axis: number; y: NDArray }): void {
  const length = x.shape[axis];
  const stride = sizeOf(x.shape.slice(axis + 1));
  for (let i = 0; i < y.data.length / length; i++) {
    const start = Math.floor(i / stride) * stride * length + i % stride;
    const values = Array.from({ length }, (_, k) => x.data[start + k * stride]);
    const greatest = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - greatest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, k) => y.data[start + k * stride] = power / total);
  }
}

/** Gives a row index back. @throws {RangeError} when there is no such row. */
export function checkRow(row: number, rows: number): number {
  if (row >= 0 && row < rows) return row;
  throw new RangeError(`Cannot gather: indices must lie in [0, ${rows}), got ${row}`);
}

/** Adds whole rows of x to rows of y, `count` times. */
export function addRows(
  { x, y, count }: { x: NDArray; y: NDArray; count: number },
  rowsOf: (i: number) => { from: number; to: number },
): void {
  const width = x.data.length / x.shape[0];
  for (let i = 0; i < count; i++) {
    const { from, to } = rowsOf(i);
    for (let j = 0; j < width; j++) y.data[to * width + j] += x.data[from * width + j];
  }
}

/** Finds the first largest element along an axis. */
export function argMax(x: NDArray, { axis, y }: { axis: number; y: NDArray }): void {
  const length = x.shape[axis];
  const stride = sizeOf(x.shape.slice(axis + 1));
  for (let i = 0; i < y.data.length; i++) {
    const start = Math.floor(i / stride) * stride * length + i % stride;
    let best = 0;
    for (let k = 1; k < length; k++) {
      if (x.data[start + k * stride] > x.data[start + best * stride]) best = k;
    }
    y.data[i] = best;
  }
}
