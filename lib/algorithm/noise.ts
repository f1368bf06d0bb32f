/** The size of the exploration noise on each weight of a generated policy. */

import type { TrainingRun } from "./run.ts";

/**
 * Gives the deviation of the noise on every number of a policy in generator order, [P].
 *
 * `fixed` is the configured sigma for all, `relative` that times 1/sqrt(fan-in) of the weight's layer,
 * `learnt` the generator's own sigma for all.
 */
export function noiseDeviations({ config, model, shape, learner }: TrainingRun): Float32Array {
  const { noise, noiseScale } = config.rollout;
  const deviations = new Float32Array(shape.parameterCount);
  switch (noise) {
    case "fixed":
      return deviations.fill(noiseScale);
    case "relative":
      return deviations.map((_, i) => noiseScale * shape.scale[model.order[i]]);
    case "learnt":
      return deviations.fill(Math.exp(learner.scalarWeight(model.logSigma)));
  }
}
