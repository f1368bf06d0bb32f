/**
 * The part of the op table that multiplies matrices: a pair of them, with a bias that ONNX adds in the
 * same node, and stacks of them. `ops.ts` is the whole table.
 */

import { broadcastShapes, type Dim, formatShape, sameShape, type Shape } from "./shape.ts";
import * as kernels from "./kernels.ts";
import type { Tensor } from "./node.ts";
import { checkFloat, type Rule } from "./rule.ts";
import { batchMatmul, matmul, sumTo } from "./tensor.ts";

/** The ops that multiply matrices. */
export type ProductOp = "matmul" | "batchMatmul";

/** Which operands are transposed before the product. */
interface Flags {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Gives the last two sizes of a product: [..., M, K] @ [..., K, N] -> [M, N]. */
function productSizes(a: Shape, b: Shape, { transposeA, transposeB }: Flags): [Dim, Dim] {
  const [rows, innerA] = transposeA ? a.slice(-2).reverse() : a.slice(-2);
  const [innerB, columns] = transposeB ? b.slice(-2).reverse() : b.slice(-2);
  if (innerA !== innerB) {
    throw new TypeError(
      `inner sizes must be equal, got ${formatShape([rows, innerA])} @ ${
        formatShape([innerB, columns])
      }`,
    );
  }
  return [rows, columns];
}

/** Gives the cotangent of operand 0 or 1: dy b^T or a^T dy, their transposes where it was transposed. */
function productVjp(
  multiply: (a: Tensor, b: Tensor, flags: Partial<Flags>) => Tensor,
  { a, b, cotangent, flags: { transposeA, transposeB } }: {
    a: Tensor;
    b: Tensor;
    cotangent: Tensor;
    flags: Flags;
  },
): readonly [ofA: () => Tensor, ofB: () => Tensor] {
  return [
    () =>
      transposeA
        ? multiply(b, cotangent, { transposeA: transposeB, transposeB: true })
        : multiply(cotangent, b, { transposeB: !transposeB }),
    () =>
      transposeB
        ? multiply(cotangent, a, { transposeA: true, transposeB: transposeA })
        : multiply(a, cotangent, { transposeA: !transposeA }),
  ];
}

/** Their rules. */
export const PRODUCT_OPS: { readonly [N in ProductOp]: Rule<N> } = {
  matmul: {
    arity: [2, 3],
    infer(inputs, flags) {
      checkFloat(inputs);
      const [a, b, bias] = inputs.map((input) => input.shape);
      if (a.length !== 2 || b.length !== 2) {
        throw new TypeError(`operands must be matrices, got ${formatShape(a)}, ${formatShape(b)}`);
      }
      const shape = productSizes(a, b, flags);
      if (bias !== undefined && !sameShape(broadcastShapes(bias, shape), shape)) {
        throw new TypeError(
          `bias must broadcast to ${formatShape(shape)}, got ${formatShape(bias)}`,
        );
      }
      return { shape, dtype: "float32" };
    },
    forward: ([a, b, bias], y, { attributes }) => kernels.matmul({ a, b, bias, y }, attributes),
    vjp(node, cotangent, input) {
      const [a, b, bias] = node.inputs;
      if (input === 2) return sumTo(cotangent, bias.shape);
      return productVjp(matmul, { a, b, cotangent, flags: node.attributes })[input]();
    },
  },
  batchMatmul: {
    arity: [2, 2],
    infer(inputs, flags) {
      checkFloat(inputs);
      const [a, b] = inputs.map(({ shape }) => shape);
      if (a.length < 2 || b.length < 2) {
        throw new TypeError(
          `operands must be stacks of matrices, got ${formatShape(a)}, ${formatShape(b)}`,
        );
      }
      const stack = broadcastShapes(a.slice(0, -2), b.slice(0, -2));
      return { shape: [...stack, ...productSizes(a, b, flags)], dtype: "float32" };
    },
    forward: ([a, b], y, { attributes }) => kernels.batchMatmul({ a, b, y }, attributes),
    vjp(node, cotangent, input) {
      const [a, b] = node.inputs;
      const share = productVjp(batchMatmul, { a, b, cotangent, flags: node.attributes })[input]();
      return sumTo(share, node.inputs[input].shape); // the sum over a stack that shared the operand
    },
  },
};
