/**
 * Options that older versions had: what to do instead, for whoever still gives one.
 *
 * When you remove an option: add a line here. The text follows "it was removed: ".
 */

const CONSTANT = "it is a constant of the program now";
const ADAPTS = 'the noise adapts, or has the same size throughout with rollout.noise="fixed"';
const ONE_ATTEMPT = "a run is one attempt";
const NO_REFRESH = "stored policies never run again";
const BEST_COMMAND = "rollouts ask for the best";
const WARM_UP = "the first cycle of rollouts is the warm-up";
const WAY = "the last updates follow the way of the best policy";
const BUDGET_SHARE = "use calibration.budgetShare, a share of the budget";

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
  "update.goalShare": "the better half of the last cycle has half of every batch",
  "update.finalLearningRate": "the step size is update.learningRate throughout",
  "attempts.steps": ONE_ATTEMPT,
  "attempts.budgetShare": ONE_ATTEMPT,
  "attempts.roundShare": ONE_ATTEMPT,
  "rollout.perCycle": "use update.perCycle, the updates in a cycle of rollouts",
  "rollout.fineShare": ADAPTS,
  "rollout.fineAfter": ADAPTS,
  "rollout.noiseProbability": "every rollout gets noise",
  "rollout.noiseSpread": ADAPTS,
  "rollout.finalNoiseShare": ADAPTS,
  "rollout.successShare": ADAPTS,
  "rollout.weightLimit": ADAPTS,
  "rollout.lateFrom": ADAPTS,
  "rollout.refreshEvery": NO_REFRESH,
  "rollout.lateRefreshEvery": NO_REFRESH,
  "rollout.noiseFreeShare": "the best policy is chosen by measurement after the last rollout",
  "command.margin": BEST_COMMAND,
  "command.top": BEST_COMMAND,
  "command.credit": BEST_COMMAND,
  "returns.min": "use returns.range=MIN,MAX",
  "returns.max": "use returns.range=MIN,MAX",
  "buffer.bucketCount": CONSTANT,
  "buffer.capacity": CONSTANT,
  "buffer.weighting": "use buffer.weightingScale; 0 draws all buckets alike",
  "buffer.excludeFrom": "use buffer.exclude=FROM,TO",
  "buffer.excludeTo": "use buffer.exclude=FROM,TO",
  "warmup.budgetShare": WARM_UP,
  "warmup.source": WARM_UP,
  "warmup.episodes": WARM_UP,
  "warmup.noise": ADAPTS,
  "normaliser.kind": "observations are always normalised by their running mean and deviation",
  "evaluation.every": "use reports.evaluations, a number for the whole run",
  "evaluation.episodes": CONSTANT,
  "evaluation.finalEpisodes": CONSTANT,
  "sweep.every": "use reports.sweeps, a number for the whole run",
  "sweep.commands": CONSTANT,
  "sweep.episodes": CONSTANT,
  "consolidation.learningRate": CONSTANT,
  "consolidation.weighting": WAY,
  "consolidation.winnerShare": CONSTANT,
  "consolidation.floorShare": WAY,
  "consolidation.surveyShare": WAY,
  "selection.candidates": CONSTANT,
  "selection.budgetShare": CONSTANT,
  "calibration.refinements": BUDGET_SHARE,
  "calibration.rehearsals": BUDGET_SHARE,
  "calibration.commands": BUDGET_SHARE,
  "calibration.episodes": BUDGET_SHARE,
};
