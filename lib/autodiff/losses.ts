/**
 * The training losses as traced functions of one batch.
 *
 * A row is a distinct policy and its share is how often it was drawn divided by the number of draws,
 * so that a loss and its gradient are those of the batch with repetitions.
 */

import type { Tensor } from "./node.ts";
import { add, exp, mean, mul, reshape, square, sub, sum } from "./tensor.ts";

/**
 * Traces the hindsight regression loss: sum over rows of share * mean((G(return) - theta)^2).
 *
 * @param generated policies from the generator, [B, P]
 * @param targets stored policies, [B, P]
 * @param shares weights of the rows, [B, 1], summing to 1
 * @returns a scalar
 */
export function squaredError(generated: Tensor, targets: Tensor, shares: Tensor): Tensor {
  const perPolicy = mean(square(sub(generated, targets)), { axes: [1], keepDims: true }); // [B, 1]
  return weighRows(perPolicy, shares);
}

/**
 * Traces the error of what policies do: sum over rows of share * mean((a_G - a_theta)^2) over actions and
 * states.
 *
 * @param generated actions of the generated policies, [B, A, M]
 * @param targets actions of the stored policies on the same M states, [B, A, M]
 * @param shares weights of the rows, [B, 1], summing to 1
 * @returns a scalar
 */
export function actionError(generated: Tensor, targets: Tensor, shares: Tensor): Tensor {
  const perPolicy = mean(square(sub(generated, targets)), { axes: [1, 2] }); // [B]
  return weighRows(reshape(perPolicy, [-1, 1]), shares);
}

/** Policies of a batch beside what was generated for them. */
export interface Reconstruction {
  /** Policies from the generator, [B, P]. */
  readonly generated: Tensor;
  /** Stored policies, [B, P]. */
  readonly targets: Tensor;
  /** Weights of the rows, [B, 1], summing to 1. */
  readonly shares: Tensor;
}

/**
 * Traces sum over rows of share * sum((x - theta)^2): the error of an autoencoder, summed over a
 * policy's parameters as the divergence is summed over the latent's.
 * @returns a scalar
 */
export function summedSquaredError({ generated, targets, shares }: Reconstruction): Tensor {
  return weighRows(sumColumns(square(sub(generated, targets))), shares);
}

/**
 * Traces the Kullback-Leibler divergence of N(mean, exp(logVariance)) from N(0, 1), summed over the
 * latent and weighted over rows: share * -sum(1 + logVariance - mean^2 - exp(logVariance)) / 2.
 *
 * @param latent mean and log-variance, [B, L] each
 * @param shares [B, 1]
 * @returns a scalar
 */
export function standardNormalDivergence(
  latent: { readonly mean: Tensor; readonly logVariance: Tensor },
  shares: Tensor,
): Tensor {
  const { mean, logVariance } = latent;
  const terms = sub(add(square(mean), exp(logVariance)), add(logVariance, 1));
  return weighRows(mul(sumColumns(terms), 0.5), shares);
}

/** [B, N] -> [B, 1] */
function sumColumns(x: Tensor): Tensor {
  return sum(x, { axes: [1], keepDims: true });
}

/** [B, 1] by [B, 1] -> [] */
function weighRows(perRow: Tensor, shares: Tensor): Tensor {
  return sum(mul(perRow, shares));
}
