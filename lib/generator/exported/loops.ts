/**
 * A traced graph of fixed sizes as loops over flat arrays, in the text of a language that writes loops as
 * C does. JavaScript and C differ in how they declare and call; a `Dialect` says that, all else is one.
 *
 * Every value is an array of numbers; a reshape is the same array under another shape. An array is used
 * again once nothing reads what it holds. Matrices of constants may be read through scales for their
 * rows, for weights of 8 bits (quantise.ts).
 */

import { foldConstants } from "../../autodiff/fold_constants.ts";
import { isOp, liveNodes } from "../../autodiff/graph.ts";
import { rowMajorStrides } from "../../autodiff/kernels.ts";
import type { Graph, OpName, Tensor } from "../../autodiff/node.ts";
import { sizeOf } from "../../autodiff/shape.ts";
import { simplify } from "../../autodiff/simplify.ts";

/** Functions of one number that a language has under its own name. */
export type MathFunction = "sqrt" | "exp" | "sin" | "cos" | "tanh";

/** What tells one language from another. */
export interface Dialect {
  /** Declares the counter of a loop: "int". */
  readonly counter: string;
  /** Declares a sum: "double". */
  readonly sum: string;
  /** Declares a constant index: "const int". */
  readonly index: string;
  /** Makes an index of a number that is a whole one: "(int)". */
  readonly whole: string;
  /** The functions' names. */
  readonly functions: Readonly<Record<MathFunction, string>>;
  /** Writes a float32 number. */
  literal(value: number): string;
  /** Declares an array of so many numbers that a function works with. */
  array(name: string, size: number): string;
  /** Reads the scale of a row of a matrix of constants; undefined where there are none. */
  readonly scale?: (matrix: string, row: string) => string;
}

/** An array of constants, [size], float32. */
export interface LoopConstant {
  /** Unique among the constants. */
  readonly name: string;
  /** Row-major. */
  readonly data: Float32Array;
  /** Length of a row, where it is a matrix that only products read, as their transposed operand. */
  readonly columns?: number;
}

/** A graph as text. */
export interface LoopText {
  /** What the text reads besides the inputs. */
  readonly constants: readonly LoopConstant[];
  /** Statements that fill the outputs; inputs and outputs are arrays of their names. */
  readonly lines: readonly string[];
}

/** Prepares a graph: what `writeLoops` takes and what constants are looked up in. */
export function prepareLoops(graph: Graph): Graph {
  return foldConstants(simplify(graph));
}

/** Tells whether a node is a constant matrix, [out, in], that only products read, transposed. */
export function isWeightMatrix(node: Tensor, graph: Graph): node is Tensor<"constant"> {
  if (!isOp(node, "constant") || node.shape.length !== 2 || node.shape[0] === 1) return false;
  const readers = liveNodes(graph).filter(({ inputs }) => inputs.includes(node));
  return readers.every((reader) =>
    isOp(reader, "matmul") && reader.attributes.transposeB && !reader.attributes.transposeA &&
    reader.inputs[1] === node && reader.inputs[0] !== node && reader.inputs[2] !== node
  );
}

/** A value where it is: an array of the text, or a single number written out. */
interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether `name` is a number and no array. */
  readonly isNumber: boolean;
}

/**
 * Writes a prepared graph.
 * @throws {TypeError} when it has an op that no loop is written for, or sizes that are not fixed.
 */
export function writeLoops(graph: Graph, dialect: Dialect, prefix = ""): LoopText {
  const nodes = liveNodes(graph);
  const places = new Map<Tensor, Place>();
  const constants: LoopConstant[] = [];
  const pool = new ArrayPool(nodes, graph);
  const body: string[] = [];
  const outputNames = new Map(Object.entries(graph.outputs).map(([name, node]) => [node, name]));
  nodes.forEach((node, at) => {
    const shape = node.shape.map((dim) => {
      if (typeof dim === "number") return dim;
      throw new TypeError(`Cannot write loops: sizes must be fixed, got ${dim}`);
    });
    if (isOp(node, "input")) {
      places.set(node, { name: node.attributes.name, shape, isNumber: false });
    } else if (isOp(node, "constant")) {
      const data = Float32Array.from(node.attributes.data, Number);
      if (data.length === 1) {
        places.set(node, { name: dialect.literal(data[0]), shape, isNumber: true });
        return;
      }
      const name = `${prefix}c${constants.length}`;
      const columns = isWeightMatrix(node, graph) ? { columns: shape[1] } : {};
      constants.push({ name, data, ...columns });
      places.set(node, { name, shape, isNumber: false });
    } else if (isOp(node, "reshape") && !outputNames.has(node)) {
      places.set(node, { ...places.get(node.inputs[0])!, shape });
    } else {
      const name = outputNames.get(node) ?? pool.take(node, sizeOf(shape));
      const y = { name, shape, isNumber: false };
      const inputs = node.inputs.map((input) => places.get(input)!);
      body.push(...statementsOf(node, { inputs, y, dialect, graph }));
      places.set(node, y);
    }
    pool.release(at);
  });
  return { constants, lines: [...pool.declare(dialect), ...body] };
}

/** Hands out arrays, and takes them back after the last use of what they hold. */
class ArrayPool {
  readonly #sizes: number[] = [];
  readonly #free: number[] = [];
  readonly #taken = new Map<Tensor, number>();
  readonly #lastUse = new Map<Tensor, number>();

  constructor(nodes: readonly Tensor[], graph: Graph) {
    nodes.forEach((node, at) => {
      for (const input of node.inputs) this.#lastUse.set(rootOf(input), at);
    });
    for (const output of Object.values(graph.outputs)) {
      this.#lastUse.set(rootOf(output), Infinity);
    }
  }

  take(node: Tensor, size: number): string {
    const fits = this.#free.findIndex((id) => this.#sizes[id] >= size);
    const id = fits >= 0
      ? this.#free.splice(fits, 1)[0]
      : this.#free.pop() ?? this.#sizes.push(0) - 1;
    this.#sizes[id] = Math.max(this.#sizes[id], size);
    this.#taken.set(node, id);
    return `v${id}`;
  }

  release(at: number): void {
    for (const [node, id] of this.#taken) {
      if ((this.#lastUse.get(node) ?? at) !== at) continue;
      this.#free.push(id);
      this.#taken.delete(node);
    }
  }

  declare(dialect: Dialect): string[] {
    return this.#sizes.map((size, id) => dialect.array(`v${id}`, size));
  }
}

/** The node whose array a value lies in. */
function rootOf(node: Tensor): Tensor {
  return isOp(node, "reshape") ? rootOf(node.inputs[0]) : node;
}

/** What a statement is written from. */
interface Writing {
  readonly inputs: readonly Place[];
  readonly y: Place;
  readonly dialect: Dialect;
  readonly graph: Graph;
}

type Writer<N extends OpName> = (node: Tensor<N>, writing: Writing) => string[];

const elementwise =
  (write: (values: readonly string[], dialect: Dialect) => string): Writer<OpName> =>
  (_node, { inputs, y, dialect }) =>
    nest(y.shape, dialect, (at) => [
      `${y.name}[${offset(y.shape, at)}] = ${
        write(inputs.map((input) => read(input, at)), dialect)
      };`,
    ]);

const called = (name: MathFunction): Writer<OpName> =>
  elementwise(([x], { functions }) => `${functions[name]}(${x})`);

/** Copies between a block and the part of `whole` that begins at `start` of an axis. */
function copyBlock(
  { whole, block, axis, start }: { whole: Place; block: Place; axis: number; start: number },
  { dialect, direction }: { dialect: Dialect; direction: "cut" | "paste" },
): string[] {
  return nest(block.shape, dialect, (at) => {
    const shifted = at.map((index, i) => i === axis && start > 0 ? `(${index} + ${start})` : index);
    const inside = { ...whole, at: offset(whole.shape, shifted) };
    const own = read(block, at);
    return [
      direction === "cut"
        ? `${block.name}[${offset(block.shape, at)}] = ${whole.name}[${inside.at}];`
        : `${whole.name}[${inside.at}] = ${own};`,
    ];
  });
}

/** How each op is written; null for those that no exported graph has. */
const WRITERS: { readonly [N in OpName]: Writer<N> | null } = {
  input: null,
  constant: null,
  count: null,
  add: elementwise(([a, b]) => `${a} + ${b}`),
  sub: elementwise(([a, b]) => `${a} - ${b}`),
  mul: elementwise(([a, b]) => `${a} * ${b}`),
  div: elementwise(([a, b]) => `${a} / ${b}`),
  minimum: elementwise(([a, b]) => `${a} < ${b} ? ${a} : ${b}`),
  maximum: elementwise(([a, b]) => `${a} > ${b} ? ${a} : ${b}`),
  neg: elementwise(([x]) => `-${x}`),
  square: elementwise(([x]) => `${x} * ${x}`),
  sqrt: called("sqrt"),
  exp: called("exp"),
  sin: called("sin"),
  cos: called("cos"),
  tanh: called("tanh"),
  relu: elementwise(([x]) => `${x} < 0 ? 0 : ${x}`), // a NaN stays one
  leakyRelu: null,
  heaviside: elementwise(([x]) => `${x} > 0 ? 1 : 0`),
  softmax: null,
  matmul(node, { inputs: [a, b, bias], y, dialect, graph }) {
    const { transposeA, transposeB } = node.attributes;
    const inner = a.shape[transposeA ? 0 : 1];
    const scale = dialect.scale && isWeightMatrix(node.inputs[1], graph)
      ? (column: string) => ` * ${dialect.scale!(b.name, column)}`
      : () => "";
    return nest(y.shape, dialect, ([row, column]) => [
      `${dialect.sum} sum = 0;`,
      ...nest([inner], dialect, ([k]) => [
        `sum += ${read(a, transposeA ? [k, row] : [row, k])} * ${
          read(b, transposeB ? [column, k] : [k, column])
        };`,
      ], "k"),
      `${y.name}[${offset(y.shape, [row, column])}] = sum${scale(column)}${
        bias === undefined ? "" : ` + ${read(bias, [row, column])}`
      };`,
    ]);
  },
  batchMatmul: null,
  sum({ attributes: { axes } }, { inputs: [x], y, dialect }) {
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    return nest(kept.map((axis) => x.shape[axis]), dialect, (at) => [
      `${dialect.sum} sum = 0;`,
      ...nest(axes.map((axis) => x.shape[axis]), dialect, (along) => {
        const index = x.shape.map((_, axis) =>
          axes.includes(axis) ? along[axes.indexOf(axis)] : at[kept.indexOf(axis)]
        );
        return [`sum += ${read(x, index)};`];
      }, "k"),
      `${y.name}[${offset(kept.map((axis) => x.shape[axis]), at)}] = sum;`,
    ]);
  },
  reshape: (_node, { inputs: [x], y, dialect }) =>
    nest([sizeOf(y.shape)], dialect, ([i]) => [`${y.name}[${i}] = ${x.name}[${i}];`]),
  concat({ attributes: { axis } }, { inputs, y, dialect }) {
    let start = 0;
    return inputs.flatMap((block) => {
      const lines = copyBlock({ whole: y, block, axis, start }, { dialect, direction: "paste" });
      start += block.shape[axis];
      return lines;
    });
  },
  slice: ({ attributes: { axis, start } }, { inputs: [x], y, dialect }) =>
    copyBlock({ whole: x, block: y, axis, start }, { dialect, direction: "cut" }),
  pad: null,
  broadcastTo: elementwise(([x]) => x),
  argMax({ attributes: { axis } }, { inputs: [x], y, dialect }) {
    const around = (at: readonly string[], k: string) => [
      ...at.slice(0, axis),
      k,
      ...at.slice(axis),
    ];
    return nest(y.shape, dialect, (at) => [
      `${dialect.counter} best = 0;`,
      ...nest([x.shape[axis]], dialect, ([k]) => [
        `if (${read(x, around(at, k))} > ${read(x, around(at, "best"))}) best = ${k};`,
      ], "k"),
      `${y.name}[${offset(y.shape, at)}] = best;`,
    ]);
  },
  gather: (_node, { inputs: [x, indices], y, dialect }) =>
    nest(y.shape, dialect, ([row, ...rest]) => [
      `${dialect.index} chosen = ${dialect.whole}${read(indices, [row])};`,
      `${y.name}[${offset(y.shape, [row, ...rest])}] = ${x.name}[${
        offset(x.shape, ["chosen", ...rest])
      }];`,
    ]),
  scatterAdd: null,
};

function statementsOf<N extends OpName>(node: Tensor<N>, writing: Writing): string[] {
  const write = WRITERS[node.op] as Writer<N> | null;
  if (write === null) {
    throw new TypeError(`Cannot write loops: an op must have one, got ${node.op}`);
  }
  return write(node, writing);
}

/** Writes loops over a shape; axes of size 1 need none. `body` gets an index for each axis. */
function nest(
  shape: readonly number[],
  { counter }: Dialect,
  body: (at: readonly string[]) => string[],
  letter = "i",
): string[] {
  const at = shape.map((size, axis) => size === 1 ? "0" : `${letter}${axis}`);
  const inner = body(at);
  const axes = shape.flatMap((size, axis) => size === 1 ? [] : [axis]);
  if (axes.length === 0) return ["{", ...inner.map((line) => `  ${line}`), "}"];
  return axes.reduceRight((lines, axis) => [
    `for (${counter} ${at[axis]} = 0; ${at[axis]} < ${shape[axis]}; ${at[axis]}++) {`,
    ...lines.map((line) => `  ${line}`),
    "}",
  ], inner);
}

/** Reads a value at an index of a shape that it broadcasts to. */
function read({ name, shape, isNumber }: Place, at: readonly string[]): string {
  if (isNumber) return name;
  const own = at.slice(at.length - shape.length);
  return `${name}[${offset(shape, own.map((index, axis) => shape[axis] === 1 ? "0" : index))}]`;
}

/** Writes the place of an element in a row-major array. */
function offset(shape: readonly number[], at: readonly string[]): string {
  const terms = rowMajorStrides(shape).flatMap((stride, axis) =>
    at[axis] === "0" ? [] : [stride === 1 ? at[axis] : `${at[axis]} * ${stride}`]
  );
  return terms.length === 0 ? "0" : terms.join(" + ");
}
