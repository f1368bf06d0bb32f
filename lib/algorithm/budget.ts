/**
 * All arithmetic on the budget of simulated steps.
 *
 *     0 ----------------------------------------------------------------- config.steps
 *     | attempts in rounds, then the last one          | survey | selection |
 *     |-------------------- training ------------------|
 *
 * Training may spend what survey and selection do not need. Of a long budget a first part goes to several
 * attempts (lib/algorithm/attempts.ts); the last one has the rest. Late in that rest, rollouts explore finely
 * and the best stored policies run again.
 */

import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import type { PhaseEvent } from "./events.ts";
import type { Task, TrainingRun } from "./run.ts";

/** What the division of a budget depends on. */
export type Plan = Pick<Task, "config" | "spec">;

/** Episodes of a goal's policy without noise: enough to take most of the luck out of their mean. */
export const GOAL_EPISODES = 5;

/** However small the selection's share is, this many episodes are kept for it, ... */
const MIN_SELECTION_EPISODES = 6;
/** ... unless that is more than this share of the budget. */
const MAX_SELECTION_SHARE = 0.3;

/** Share of training's steps for all rounds of attempts: a fifth is left to the last attempt at least. */
const ROUNDS_SHARE = 0.8;

/** Counts the steps that the budget pays for. */
export function spentSteps({ tally: { steps } }: Pick<TrainingRun, "tally">): number {
  return steps.training + steps.noiseFree;
}

/** Tells whether training may run this many further episodes of any length. */
export function hasBudget(run: TrainingRun, { episodes = 1 } = {}): boolean {
  const { config, spec } = run.task;
  return spentSteps(run) + episodes * spec.maxEpisodeSteps <=
    config.steps - reservedSteps(run.task);
}

/** Counts the episodes of any length that fit between what is spent and `end`, the whole budget by default. */
export function affordableEpisodes(run: TrainingRun, { end = run.task.config.steps } = {}): number {
  return Math.floor((end - spentSteps(run)) / run.task.spec.maxEpisodeSteps);
}

/** Gives the step at which the survey that begins now has to end. */
export function surveyEnd(run: TrainingRun): number {
  const { config } = run.task;
  return Math.min(spentSteps(run) + surveySteps(config), config.steps);
}

/** Gives the steps of the budget that training leaves to what follows it: survey and selection. */
export function reservedSteps(plan: Plan): number {
  return surveySteps(plan.config) + selectionSteps(plan);
}

function surveySteps({ consolidation, steps }: Config): number {
  return consolidation.surveyShare * steps;
}

/** Gives the steps for the selection of the best policy. */
export function selectionSteps({ config, spec }: Plan): number {
  const { budgetShare } = config.selection;
  if (budgetShare === 0) return 0;
  const least = Math.min(
    MIN_SELECTION_EPISODES * spec.maxEpisodeSteps,
    MAX_SELECTION_SHARE * config.steps,
  );
  return Math.max(budgetShare * config.steps, least);
}

/**
 * Checks that a budget holds one episode: without a stored policy there is nothing to learn from.
 * @throws {RangeError} naming the least budget, or the shares that leave nothing.
 */
export function checkBudget(config: Config, spec: EnvSpec): void {
  const { maxEpisodeSteps } = spec;
  const { steps, selection: { budgetShare }, consolidation: { surveyShare } } = config;
  if (budgetShare + surveyShare >= 1) {
    throw new RangeError(
      "Cannot create run: selection.budgetShare and consolidation.surveyShare must be less than 1 " +
        `together, got ${budgetShare} and ${surveyShare}`,
    );
  }
  if (steps - reservedSteps({ config, spec }) >= maxEpisodeSteps) return;
  const selectionShare = budgetShare === 0 ? 0 : Math.max(budgetShare, MAX_SELECTION_SHARE);
  const least = Math.ceil(maxEpisodeSteps / (1 - selectionShare - surveyShare));
  throw new RangeError(
    `Cannot create run: the budget must hold an episode of ${maxEpisodeSteps} steps besides what is ` +
      `kept for survey and selection, at least ${least} steps, got ${steps}`,
  );
}

/** Tells whether an attempt has stored enough to learn from. */
export function isWarm({ task: { config }, tools: { learner }, attempt }: TrainingRun): boolean {
  // A run that goes on with a larger budget does not warm up again.
  return learner.updates > 0 || attempt.episodes >= config.warmup.episodes;
}

/** Gives the step size of updates: a cosine over the budget. */
export function learningRate(run: TrainingRun): number {
  const { steps, update: { learningRate, finalLearningRate } } = run.task.config;
  return finalLearningRate +
    (learningRate - finalLearningRate) * fallingCosine(spentSteps(run) / steps);
}

/** Gives the share of the exploration noise that is left: it falls over what the attempt is given. */
export function noiseShare(run: TrainingRun): number {
  const { finalNoiseShare } = run.task.config.rollout;
  return finalNoiseShare + (1 - finalNoiseShare) * fallingCosine(attemptProgress(run));
}

/** Falls from 1 to 0 as half a cosine while `part` rises from 0 to 1, and stays there. */
export function fallingCosine(part: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, part)));
}

/** Gives the steps of an attempt in one round. */
function roundSteps({ attempts, steps }: Config): number {
  return attempts.roundShare * steps;
}

/** How many attempts there are in each round, such as [4, 2]; empty where there is no room for two. */
export function plannedRounds({ config, spec }: Plan): number[] {
  if (config.attempts.roundShare === 0) return [];
  const measuring = config.command.top * GOAL_EPISODES * spec.maxEpisodeSteps;
  const affordable = ROUNDS_SHARE * (config.steps - reservedSteps({ config, spec })) /
    (roundSteps(config) + measuring);
  let rounds: number[] = [];
  for (let count = 2;; count++) {
    const larger = halvings(count);
    if (larger.reduce((sum, field) => sum + field, 0) > affordable) return rounds;
    rounds = larger;
  }
}

/** 6 -> [6, 3]: sizes of the field until one is left. */
function halvings(count: number): number[] {
  return count === 1 ? [] : [count, ...halvings(Math.floor(count / 2))];
}

/** Tells whether the present attempt is the one that has the rest of the budget. */
export function isLastAttempt({ task, attempt }: Pick<TrainingRun, "task" | "attempt">): boolean {
  return attempt.rounds >= plannedRounds(task).length;
}

/** Tells whether the present attempt has had the steps of its round, and is not the last one. */
export function isRoundOver(run: TrainingRun): boolean {
  const { task: { config }, attempt: { startStep, rounds } } = run;
  const roundEnd = startStep + roundSteps(config) * (rounds + 1);
  return !isLastAttempt(run) && spentSteps(run) >= roundEnd;
}

/** Gives the share that is spent of what an attempt is given (all rounds, or the rest), from 0 to 1. */
export function attemptProgress(run: TrainingRun): number {
  const { task, attempt: { startStep } } = run;
  const length = isLastAttempt(run)
    ? task.config.steps - startStep
    : roundSteps(task.config) * plannedRounds(task).length;
  return Math.min(1, (spentSteps(run) - startStep) / length);
}

/** Tells whether rollouts are late (`rollout.lateFrom`): never before the last attempt. */
export function isLate(run: TrainingRun): boolean {
  const { steps, rollout: { lateFrom } } = run.task.config;
  return lateFrom > 0 && spentSteps(run) >= lateFrom * steps && isLastAttempt(run);
}

/** Tells whether less than the configured share of the steps went to noise-free episodes, and more fit. */
export function isGoalMeasurementDue(run: TrainingRun): boolean {
  const { task: { config }, tally: { steps } } = run;
  return steps.noiseFree < config.rollout.noiseFreeShare * spentSteps(run) &&
    hasBudget(run, { episodes: GOAL_EPISODES });
}

/** Tells how much of what training left to survey and selection is spent. */
export function choosing(run: TrainingRun): PhaseEvent {
  const total = reservedSteps(run.task);
  const done = spentSteps(run) - (run.task.config.steps - total);
  return { kind: "phase", phase: "choosing", done: Math.min(total, Math.max(0, done)), total };
}

/** Counts the evaluations and the sweeps that should have been made by now. */
export function dueReports(
  { task: { config: { steps, reports } }, tally }: TrainingRun,
): { evaluations: number; sweeps: number } {
  const spent = spentSteps({ tally });
  // A count of 0 makes the interval infinite.
  return {
    evaluations: Math.floor(spent / (steps / reports.evaluations)),
    sweeps: Math.floor(spent / (steps / reports.sweeps)),
  };
}
