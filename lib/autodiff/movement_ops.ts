/**
 * The part of the op table whose ops move elements and compute nothing with them: other shapes, cuts
 * and joins, rows by index. `ops.ts` is the whole table.
 *
 * They come in pairs whose gradients are each other: `slice` and `pad`, `gather` and `scatterAdd` (which
 * adds where rows meet), `reshape` with itself.
 */

import {
  broadcastShapes,
  type Dim,
  formatShape,
  parseDim,
  reshapeTo,
  sameShape,
  type Shape,
} from "./shape.ts";
import * as kernels from "./kernels.ts";
import type { NDArray } from "./kernels.ts";
import type { TensorType } from "./node.ts";
import { checkFloat, type Rule } from "./rule.ts";
import { gather, pad, reshape, scatterAdd, slice, sumTo } from "./tensor.ts";

/** The ops that move elements. */
export type MovementOp =
  | "reshape"
  | "concat"
  | "slice"
  | "pad"
  | "broadcastTo"
  | "gather"
  | "scatterAdd";

function checkIndices({ shape, dtype }: TensorType): void {
  if (dtype === "float32" || shape.length !== 1) {
    throw new TypeError(`indices must be an integer vector, got ${dtype}${formatShape(shape)}`);
  }
}

/** Gives the size of an axis that must be fixed to be cut or joined. */
function fixedSize({ shape }: TensorType, axis: number): number {
  const size = shape[axis];
  if (typeof size !== "number") {
    throw new TypeError(`axis ${axis} must have a fixed size, got ${formatShape(shape)}`);
  }
  return size;
}

function withSize(shape: Shape, axis: number, size: Dim): Shape {
  return shape.map((dim, i) => i === axis ? size : dim);
}

/** Copies x as a block of y (or y as a block of x) that starts at `start` along an axis. */
function copyBlock(
  { whole, block, axis, start }: { whole: NDArray; block: NDArray; axis: number; start: number },
  direction: "cut" | "paste",
): void {
  const strides = kernels.rowMajorStrides(whole.shape);
  const inside = { data: whole.data, offset: start * strides[axis], strides };
  const own = { data: block.data, offset: 0, strides: kernels.rowMajorStrides(block.shape) };
  const [from, to] = direction === "cut" ? [inside, own] : [own, inside];
  kernels.copy({ shape: block.shape, from, to });
}

/** Their rules. */
export const MOVEMENT_OPS: { readonly [N in MovementOp]: Rule<N> } = {
  reshape: {
    arity: [1, 1],
    infer: ([x], { shape }) => ({ shape: reshapeTo(x.shape, shape), dtype: x.dtype }),
    forward: ([x], y) => y.data.set(x.data),
    vjp: (node, cotangent) => reshape(cotangent, node.inputs[0].shape),
  },
  concat: {
    arity: [1, Infinity],
    infer(inputs, { axis }) {
      const [{ shape, dtype }] = inputs;
      let size = 0;
      for (const input of inputs) {
        size += fixedSize(input, axis);
        if (!sameShape(withSize(input.shape, axis, 1), withSize(shape, axis, 1))) {
          throw new TypeError(
            `shapes must agree off axis ${axis}, got ${formatShape(shape)}, ${
              formatShape(input.shape)
            }`,
          );
        }
        if (input.dtype !== dtype) {
          throw new TypeError(`types must be equal, got ${dtype} and ${input.dtype}`);
        }
      }
      return { shape: withSize(shape, axis, size), dtype };
    },
    forward(inputs, y, { attributes: { axis } }) {
      let start = 0;
      for (const block of inputs) {
        copyBlock({ whole: y, block, axis, start }, "paste");
        start += block.shape[axis];
      }
    },
    vjp(node, cotangent, input) {
      const { axis } = node.attributes;
      const sizes = node.inputs.map((each) => fixedSize(each, axis));
      const start = sizes.slice(0, input).reduce((total, size) => total + size, 0);
      return slice(cotangent, { axis, start, end: start + sizes[input] });
    },
  },
  slice: {
    arity: [1, 1],
    infer([x], { axis, start, end }) {
      const size = fixedSize(x, axis);
      if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end > start)) {
        throw new TypeError(
          `start and end must be integers with 0 <= start < end, got ${start}, ${end}`,
        );
      }
      if (end > size) throw new TypeError(`end must be at most ${size}, got ${end}`);
      return { shape: withSize(x.shape, axis, end - start), dtype: x.dtype };
    },
    forward: ([x], y, { attributes: { axis, start } }) =>
      copyBlock({ whole: x, block: y, axis, start }, "cut"),
    vjp(node, cotangent) {
      const { axis, start, end } = node.attributes;
      return pad(cotangent, { axis, before: start, after: fixedSize(node.inputs[0], axis) - end });
    },
  },
  pad: {
    arity: [1, 1],
    infer(inputs, { axis, before, after }) {
      checkFloat(inputs);
      if (!(Number.isInteger(before) && Number.isInteger(after) && before >= 0 && after >= 0)) {
        throw new TypeError(`padding must be integers of at least 0, got ${before}, ${after}`);
      }
      const size = fixedSize(inputs[0], axis) + before + after;
      return { shape: withSize(inputs[0].shape, axis, size), dtype: "float32" };
    },
    forward: ([x], y, { attributes: { axis, before } }) =>
      copyBlock({ whole: y, block: x, axis, start: before }, "paste"),
    vjp(node, cotangent) {
      const { axis, before } = node.attributes;
      return slice(cotangent, {
        axis,
        start: before,
        end: before + fixedSize(node.inputs[0], axis),
      });
    },
  },
  broadcastTo: {
    arity: [1, 1],
    infer([x], { shape }) {
      if (!sameShape(broadcastShapes(x.shape, shape), shape)) {
        throw new TypeError(
          `shape must broadcast to ${formatShape(shape)}, got ${formatShape(x.shape)}`,
        );
      }
      return { shape, dtype: x.dtype };
    },
    forward([x], y) {
      kernels.copy({
        shape: y.shape,
        from: kernels.broadcastView(x, y.shape.length),
        to: { data: y.data, offset: 0, strides: kernels.rowMajorStrides(y.shape) },
      });
    },
    vjp: (node, cotangent) => sumTo(cotangent, node.inputs[0].shape),
  },
  gather: {
    arity: [2, 2],
    infer([x, indices]) {
      checkIndices(indices);
      if (x.shape.length === 0) throw new TypeError("the first operand must have rows, got []");
      return { shape: [indices.shape[0], ...x.shape.slice(1)], dtype: x.dtype };
    },
    forward: ([x, indices], y) =>
      kernels.addRows({ x, y, count: indices.data.length }, (i) => ({
        from: kernels.checkRow(indices.data[i], x.shape[0]),
        to: i,
      })),
    vjp: (node, cotangent) =>
      scatterAdd(cotangent, { indices: node.inputs[1], rows: node.inputs[0].shape[0] }),
  },
  scatterAdd: {
    arity: [2, 2],
    infer([x, indices], { rows }) {
      checkFloat([x]);
      checkIndices(indices);
      parseDim(rows);
      if (x.shape[0] !== indices.shape[0]) {
        throw new TypeError(
          `there must be one index per row, got ${formatShape(x.shape)} by ${
            formatShape(indices.shape)
          }`,
        );
      }
      return { shape: [rows, ...x.shape.slice(1)], dtype: "float32" };
    },
    forward: ([x, indices], y) =>
      kernels.addRows({ x, y, count: indices.data.length }, (i) => ({
        from: i,
        to: kernels.checkRow(indices.data[i], y.shape[0]),
      })),
    vjp: (node, cotangent) => gather(cotangent, node.inputs[1]),
  },
};
