/**
 * The generator's own policies: measured without noise, and stored.
 *
 * All other policies were explored with noise and ran once. The best of them are partly luck, and what
 * the generator makes of their returns may be worse: what it could do well at one time is lost when the
 * next lucky policy leads it elsewhere. So in a share of the budget the policy for a goal runs several
 * episodes without noise and is stored under their mean: a return that was earned, to aim at, to learn
 * the command from, and to choose from at the end (lib/algorithm/selection.ts).
 */

import { GOAL_EPISODES } from "./attempt_plan.ts";
import { measureReturn } from "../episodes/evaluate.ts";
import { drawGoal, type Goal, goalsOf } from "./goals.ts";
import { generateRows, measureNoiseFree } from "./probe.ts";
import { summarise } from "../numbers/statistics.ts";
import { currentNormaliser, reservedSteps, spentSteps, type TrainingRun } from "./run.ts";

/** Measures the policy for a goal whenever less than the configured share of the steps went to that. */
export async function measureGoalWhenDue(run: TrainingRun): Promise<void> {
  const { config: { steps, rollout }, spec, counters } = run;
  const spent = spentSteps(run);
  const isDue = counters.steps.noiseFree < rollout.noiseFreeShare * spent;
  const fits = spent + GOAL_EPISODES * spec.maxEpisodeSteps <= steps - reservedSteps(run);
  if (isDue && fits) await measureGoals(run, [drawGoal(run, goalsOf(run))]);
}

/**
 * Measures the policies for goals without noise, all on the same episodes, and stores them.
 * @returns their mean returns, survival bonus included.
 */
export async function measureGoals(run: TrainingRun, goals: readonly Goal[]): Promise<number[]> {
  const { attempt: { buffer }, frame, scale } = run;
  const generated = await generateRows(run, goals.map(({ scaledReturn }) => scaledReturn));
  const rows = generated.map((row) => row.slice());
  const results = await measureNoiseFree(run, rows, { episodes: GOAL_EPISODES });
  return results.map((episodes, i) => {
    frame.toRaw(rows[i], currentNormaliser(run));
    buffer.add(rows[i], {
      scaledReturn: scale.scale(summarise(episodes.map((each) => scale.storedReturn(each))).mean),
      survival: summarise(episodes.map((each) => scale.survival(each))).mean,
      step: spentSteps(run),
      episodes: GOAL_EPISODES,
    });
    return measureReturn(episodes).mean;
  });
}
