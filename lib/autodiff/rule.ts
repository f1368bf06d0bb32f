/** What the op table says of an op, and the check that most ops begin with. */

import type { Bindings } from "./shape.ts";
import type { NDArray } from "./kernels.ts";
import type { Attributes, OpName, Tensor, TensorType } from "./node.ts";

/** What one op is. */
export interface Rule<N extends OpName> {
  /** The least and the greatest number of inputs. */
  readonly arity: readonly [min: number, max: number];
  /** Whether output element i depends on the inputs' elements i alone, broadcasting aside. */
  readonly elementwise?: true;
  /** Infers the result's type. @throws {TypeError} when the operands do not fit. */
  infer(inputs: readonly TensorType[], attributes: Attributes[N]): TensorType;
  /** Computes into `y`, which is filled with zeros and has the inferred shape. */
  forward(
    inputs: readonly NDArray[],
    y: NDArray,
    context: { readonly attributes: Attributes[N]; readonly bindings: Bindings },
  ): void;
  /**
   * Gives the cotangent of one input from the node's own: `J^T v`. Null where nothing can flow: no
   * float input, or a derivative that is zero wherever it exists.
   */
  readonly vjp: ((node: Tensor<N>, cotangent: Tensor, input: number) => Tensor) | null;
}

/** Checks that operands are float32. @throws {TypeError} when one is not. */
export function checkFloat(inputs: readonly TensorType[]): void {
  for (const { dtype } of inputs) {
    if (dtype !== "float32") throw new TypeError(`operands must be float32, got ${dtype}`);
  }
}
