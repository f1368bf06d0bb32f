/** The training losses as traced functions of one batch. */

import type { Tensor } from "./autodiff/node.ts";
import { mean, mul, square, sub, sum } from "./autodiff/tensor.ts";

/**
 * Traces the hindsight regression loss: sum over rows of share * mean((G(return) - theta)^2).
 *
 * A row is a distinct policy and its share is how often it was drawn divided by the number of draws,
 * so that the loss and its gradient are those of the batch with repetitions.
 *
 * @param generated policies from the generator, [B, P]
 * @param targets stored policies, [B, P]
 * @param shares weights of the rows, [B, 1], summing to 1
 * @returns a scalar
 */
export function squaredError(generated: Tensor, targets: Tensor, shares: Tensor): Tensor {
  const perPolicy = mean(square(sub(generated, targets)), { axes: [1], keepDims: true }); // [B, 1]
  return sum(mul(perPolicy, shares));
}
