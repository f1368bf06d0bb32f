/**
 * Shapes: fixed dimensions, and dimensions that get their size when a graph runs.
 *
 * Legend of dimension letters, for the whole repository: B batch, S observation, A action, P policy
 * parameters, H hidden, T tiles, K buckets. Comments write shape motion with them:
 * `[B, S] @ [S, H] -> [B, H]`.
 *
 * A symbolic dimension is written as its letter, "B", or as a multiple of one, "B*8", which is what
 * flattening `[B, 8, H]` to `[B*8, H]` gives. One letter per dimension is enough for every graph of
 * this project and keeps equality of dimensions plain equality of strings; products of two letters
 * and sums such as "B + 1" are errors.
 */

/** A size: a positive integer, a letter such as "B", or a multiple such as "B*8". */
export type Dim = number | string;

/** The sizes of a tensor, outermost first; `[]` is a scalar. */
export type Shape = readonly Dim[];

/** The values of the letters in one run of a graph. */
export type Bindings = ReadonlyMap<string, number>;

const SYMBOLIC_DIM = /^([A-Za-z]\w*)(?:\*([1-9]\d*))?$/;

/**
 * Splits a dimension into its fixed factor and its letter, null for a fixed dimension.
 * @throws {TypeError} when it is neither a positive integer nor a letter with an optional factor.
 */
export function parseDim(dim: Dim): { factor: number; symbol: string | null } {
  if (typeof dim === "number") {
    if (Number.isSafeInteger(dim) && dim > 0) return { factor: dim, symbol: null };
  } else {
    const match = SYMBOLIC_DIM.exec(dim);
    if (match !== null) return { factor: Number(match[2] ?? 1), symbol: match[1] };
  }
  throw new TypeError(
    `Cannot read dimension: it must be a positive integer or like "B" or "B*8", got ${
      JSON.stringify(dim)
    }`,
  );
}

/** Joins a factor and a letter to a dimension; the counterpart of `parseDim`. */
export function makeDim(factor: number, symbol: string | null): Dim {
  if (symbol === null) return factor;
  return factor === 1 ? symbol : `${symbol}*${factor}`;
}

/** Writes a shape as in comments: `[B, 8]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Tells whether two shapes are equal, dimension by dimension. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Counts the elements of a shape as a fixed factor times letters, the letters sorted. */
export function countElements(shape: Shape): { factor: number; symbols: readonly string[] } {
  let factor = 1;
  const symbols: string[] = [];
  for (const dim of shape) {
    const part = parseDim(dim);
    factor *= part.factor;
    if (part.symbol !== null) symbols.push(part.symbol);
  }
  return { factor, symbols: symbols.sort() };
}

/**
 * Gives the shape of an elementwise operation under NumPy's rule: shapes are aligned at their last
 * axis, and sizes must be equal or 1.
 * @throws {TypeError} when two sizes differ and neither is 1.
 */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new TypeError(
      `Cannot broadcast: sizes must be equal or 1, got ${formatShape(a)} and ${formatShape(b)}`,
    );
  });
}

/**
 * Fills in the one -1 that a reshape may ask for and checks that no element is lost or made.
 * @throws {TypeError} when the element counts differ, or the rest is no single dimension.
 */
export function reshapeTo(from: Shape, to: Shape): Shape {
  const fail = (rule: string): never => {
    throw new TypeError(
      `Cannot reshape: ${rule}, got ${formatShape(from)} to ${formatShape(to)}`,
    );
  };
  const open = to.indexOf(-1);
  const have = countElements(from);
  const want = countElements(to.filter((_, axis) => axis !== open));
  const rest = [...have.symbols];
  for (const symbol of want.symbols) {
    const at = rest.indexOf(symbol);
    if (at < 0) return fail("the element counts must be equal");
    rest.splice(at, 1);
  }
  const factor = have.factor / want.factor;
  if (open < 0) {
    return factor === 1 && rest.length === 0 ? to : fail("the element counts must be equal");
  }
  if (!Number.isInteger(factor)) return fail("the other sizes must divide the element count");
  if (rest.length > 1) return fail("a dimension holds at most one letter");
  return to.map((dim, axis) => axis === open ? makeDim(factor, rest[0] ?? null) : dim);
}

/**
 * Turns an axis that may count from the end (-1 is the last) into one that counts from the start.
 * @throws {RangeError} when the shape has no such axis.
 */
export function resolveAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new RangeError(`Cannot find axis: it must lie in [-${rank}, ${rank - 1}], got ${axis}`);
  }
  return resolved;
}

/** Replaces the letters of a shape by their sizes. @throws {RangeError} on an unbound letter. */
export function resolveShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => {
    const { factor, symbol } = parseDim(dim);
    const size = symbol === null ? 1 : bindings.get(symbol);
    if (size === undefined) {
      throw new RangeError(`Cannot resolve shape: letter ${symbol} has no size, got ${dim}`);
    }
    return factor * size;
  });
}

/**
 * Matches the actual sizes of the array `name` with its shape; adds new letters to `bindings`.
 * @throws {TypeError} when the ranks, a fixed size or a bound letter disagree.
 */
export function bindShape(
  { name, shape, actual }: { name: string; shape: Shape; actual: readonly number[] },
  bindings: Map<string, number>,
): void {
  const matches = shape.length === actual.length && shape.every((dim, axis) => {
    const { factor, symbol } = parseDim(dim);
    const size = actual[axis] / factor;
    if (symbol === null) return size === 1;
    if (!bindings.has(symbol) && Number.isInteger(size)) bindings.set(symbol, size);
    return bindings.get(symbol) === size;
  });
  if (matches) return;
  const bound = [...bindings].map(([symbol, size]) => `${symbol} = ${size}`).join(", ");
  throw new TypeError(
    `Cannot bind "${name}": its shape must be ${formatShape(shape)}${bound && ` with ${bound}`}, ` +
      `got ${formatShape(actual)}`,
  );
}

/** Multiplies the sizes of a concrete shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
