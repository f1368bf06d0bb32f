/**
 * Options that older versions had: what to do instead, for whoever still gives one.
 *
 * When you remove an option: add a line here. The text follows "it was removed: ".
 */

const CONSTANT = "it is a constant of the program now";
const SHARE = "a share of the budget";

/** What to do in place of a removed option, by its dotted name. */
export const REMOVED_OPTIONS: Readonly<Record<string, string>> = {
  "generator.embeddingSize": CONSTANT,
  "generator.initialisation": "the generator always starts as the reference does",
  "generator.commandFeatures": CONSTANT,
  "generator.outputScale": "generated weights are not scaled",
  "cvae.encoderSizes": CONSTANT,
  "cvae.dropout": CONSTANT,
  "cvae.loss": "the loss is the squared error",
  "cvae.divergenceScale": CONSTANT,
  "update.warmupUpdates": "the step size starts at update.learningRate",
  "update.beta1": CONSTANT,
  "update.beta2": CONSTANT,
  "update.epsilon": CONSTANT,
  "attempts.steps": `use attempts.roundShare, ${SHARE}`,
  "attempts.budgetShare": CONSTANT,
  "rollout.perCycle": "use update.perCycle, the updates for each rollout",
  "rollout.noise": "every weight gets noise of the same size, rollout.noiseScale",
  "rollout.fineShare": CONSTANT,
  "rollout.fineAfter": `use rollout.lateFrom, ${SHARE}`,
  "rollout.noiseProbability": "every rollout gets noise",
  "command.margin": "rollouts ask for a return that was reached",
  "returns.min": "use returns.range=MIN,MAX",
  "returns.max": "use returns.range=MIN,MAX",
  "buffer.bucketCount": CONSTANT,
  "buffer.capacity": CONSTANT,
  "buffer.weighting": "use buffer.weightingScale; 0 draws all buckets alike",
  "buffer.excludeFrom": "use buffer.exclude=FROM,TO",
  "buffer.excludeTo": "use buffer.exclude=FROM,TO",
  "warmup.budgetShare": "use warmup.episodes",
  "warmup.source": "the first policies are the generator's, with warmup.noise",
  "normaliser.kind": "observations are always normalised by their running mean and deviation",
  "evaluation.every": "use reports.evaluations, a number for the whole run",
  "evaluation.episodes": CONSTANT,
  "evaluation.finalEpisodes": CONSTANT,
  "sweep.every": "use reports.sweeps, a number for the whole run",
  "sweep.commands": CONSTANT,
  "sweep.episodes": CONSTANT,
  "consolidation.learningRate": CONSTANT,
  "consolidation.weighting": "the last updates draw evenly over returns",
  "consolidation.winnerShare": CONSTANT,
  "selection.candidates": CONSTANT,
  "calibration.refinements": "it follows calibration.commands",
  "calibration.rehearsals": "it follows calibration.commands",
};
