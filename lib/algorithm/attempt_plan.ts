/**
 * How a budget is divided: among attempts in rounds (lib/algorithm/attempts.ts), and then between an early part and a
 * late one, in which rollouts explore finely around what was found and run it again.
 */

import { reservedSteps, spentSteps, type TrainingRun } from "./run.ts";

/** Episodes of a goal's policy without noise: so many that luck is mostly out of their mean. */
export const GOAL_EPISODES = 5;

/** How many attempts there are in each round, such as [4, 2]; empty where there is no room for two. */
export function plannedRounds({ config, spec }: Pick<TrainingRun, "config" | "spec">): number[] {
  const { attempts, steps } = config;
  if (attempts.steps === 0) return [];
  const cost = attempts.steps + measuringSteps({ config, spec });
  const affordable = attempts.budgetShare * (steps - reservedSteps({ config, spec })) / cost;
  let rounds: number[] = [];
  for (let count = 2;; count++) {
    const larger = halvings(count);
    if (larger.reduce((sum, field) => sum + field, 0) > affordable) return rounds;
    rounds = larger;
  }
}

/** Gives the steps that measuring all goals may take. */
function measuringSteps({ config, spec }: Pick<TrainingRun, "config" | "spec">): number {
  return config.command.top * GOAL_EPISODES * spec.maxEpisodeSteps;
}

/** 6 -> [6, 3]: sizes of the field until one is left. */
function halvings(count: number): number[] {
  return count === 1 ? [] : [count, ...halvings(Math.floor(count / 2))];
}

/** Tells whether the present attempt is the one that has the rest of the budget. */
export function isLastAttempt(run: TrainingRun): boolean {
  return run.attempt.rounds >= plannedRounds(run).length;
}

/** Tells whether rollouts are late (`rollout.fineAfter`), and no other attempt is to have its turn. */
export function isLate(run: TrainingRun): boolean {
  const { fineAfter } = run.config.rollout;
  return fineAfter > 0 && spentSteps(run) >= fineAfter && isLastAttempt(run);
}

/** Gives how much is over of what an attempt is given, from 0 to 1: all rounds, or the rest. */
export function attemptProgress(run: TrainingRun): number {
  const { config, attempt: { startStep } } = run;
  const length = isLastAttempt(run)
    ? config.steps - startStep
    : config.attempts.steps * plannedRounds(run).length;
  return Math.min(1, (spentSteps(run) - startStep) / length);
}
