/**
 * All arithmetic on the budget of simulated steps.
 *
 *     0 ------------------------------------------------------- config.steps
 *     |            training            |  choice  |     calibration     |
 *
 * Choice and calibration have shares of the budget where noise adapts. The published method and its rivals train to the
 * end, choose nothing, and are calibrated beyond the budget: what they are compared by must be training alone.
 */

import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import type { Task, TrainingRun } from "./run.ts";

/** What the division of a budget depends on. */
export type Plan = Pick<Task, "config" | "spec">;

/** Share of the budget for choosing the policy that is handed out as the best. */
const CHOICE_SHARE = 0.05;
/** And so many episodes at least, within this share of what training leaves: the rest is the calibration's. */
const CHOICE_EPISODES = 3;
const LARGEST_CHOICE = 2 / 3;
/** Cycles that a budget is to hold: fewer teach little, and more would each see too few episodes. */
const CYCLES = 100;
/** Two groups of two mirrored pairs (lib/algorithm/exploration.ts). */
const LEAST_SIBLINGS = 8;
/** Further siblings add less and less to what a cycle tells. */
const MOST_SIBLINGS = 40;
/** The first cycle, when nobody knows yet how long episodes are; it is the warm-up as well. */
export const FIRST_SIBLINGS = 10;
/** The last cycle may be this small. */
const LAST_SIBLINGS = 4;
/** Warm-up episodes of the published method. */
const WARMUP_EPISODES = 10;

/** Episodes without which another algorithm than udrlpg cannot begin: ars compares two. */
const RIVALS_LEAST: { readonly [A in Exclude<Config["algorithm"], "udrlpg">]: number } = {
  ars: 2,
  ddpg: 1,
  td3: 1,
  udrl: 1,
  gogepo: 1,
};

/** Tells whether noise adapts: the budget is divided then, and commands are relative. */
export function adaptsNoise(
  { algorithm, rollout }: Pick<Config, "algorithm" | "rollout">,
): boolean {
  return algorithm === "udrlpg" && rollout.noise === "adapted";
}

/**
 * Tells whether a run is the published method itself: its normaliser moves with every step, and stored policies are
 * the numbers that they were. Other runs keep one normaliser for a cycle, and stored policies keep what they do.
 */
export function isPublished(config: Pick<Config, "algorithm" | "rollout">): boolean {
  return config.algorithm === "udrlpg" && !adaptsNoise(config);
}

/** Counts the steps of training and choice. */
export function spentSteps({ tally: { steps } }: Pick<TrainingRun, "tally">): number {
  return steps.training + steps.noiseFree;
}

/** Gives the steps by which training has to end. */
export function trainingEnd({ config }: Pick<Plan, "config">): number {
  const { calibration, steps } = config;
  return adaptsNoise(config) ? steps * (1 - CHOICE_SHARE - calibration.budgetShare) : steps;
}

/** Gives the steps by which the choice has to end. */
export function choiceEnd({ config, spec }: Plan): number {
  const start = trainingEnd({ config });
  if (!adaptsNoise(config)) return start;
  const least = Math.min(
    CHOICE_EPISODES * spec.maxEpisodeSteps,
    LARGEST_CHOICE * (config.steps - start),
  );
  return start + Math.max(CHOICE_SHARE * config.steps, least);
}

/** Gives the steps that the calibration may simulate: its share, or all that training and choice have left. */
export function calibrationSteps(run: Pick<TrainingRun, "task" | "tally">): number {
  const { config, config: { calibration, steps } } = run.task;
  return adaptsNoise(config) ? steps - spentSteps(run) : calibration.budgetShare * steps;
}

/** Counts the episodes of any length that fit between what is spent and `end`. */
export function affordableEpisodes(run: TrainingRun, { end }: { end: number }): number {
  return Math.floor((end - spentSteps(run)) / run.task.spec.maxEpisodeSteps);
}

/** Tells whether training runs another cycle: the budget holds one, and there is something to tell apart. */
export function hasBudget(run: TrainingRun): boolean {
  return !isSettled(run) && affordableSiblings(run) >= leastEpisodes(run.task.config);
}

/** Counts the episodes that training can afford, if they are as long as the longest of the last cycle. */
function affordableSiblings(run: TrainingRun): number {
  const { task: { config, spec }, tally: { longest } } = run;
  const length = adaptsNoise(config) && longest > 0 ? longest : spec.maxEpisodeSteps;
  return Math.floor((trainingEnd(run.task) - spentSteps(run)) / length);
}

/** Gives the steps that each of so many siblings may run; Infinity where whole episodes fit. */
export function stepsLeft(run: TrainingRun, siblings: number): number {
  const left = Math.floor((trainingEnd(run.task) - spentSteps(run)) / siblings);
  return left < run.task.spec.maxEpisodeSteps ? left : Infinity;
}

/**
 * Tells whether a cycle has nothing left to learn from: all of its episodes, proofs from other starts included,
 * returned the same, the most that any has, and more than random policies do.
 */
export function isSettled(
  { experience: { noise, floor, horizon }, tally, history }: Pick<
    TrainingRun,
    "experience" | "tally" | "history"
  >,
): boolean {
  const { bestReturn, returns } = history;
  return noise !== undefined && horizon.since === 0 && bestReturn > floor &&
    tally.lastRollouts > 0 &&
    returns.slice(-tally.lastRollouts).every((value) => value === bestReturn);
}

/** A centre that seems perfect is run from so many further starts, within this share of the budget or twice. */
const PROOF = { share: 0.1, most: 16 };

/** Gives from how many further starts a centre has to be perfect before training ends early. */
export function proofEpisodes({ config, spec }: Plan): number {
  const affordable = Math.floor(PROOF.share * config.steps / spec.maxEpisodeSteps);
  return Math.max(2, Math.min(PROOF.most, affordable));
}

function leastEpisodes(config: Config): number {
  if (config.algorithm !== "udrlpg") return RIVALS_LEAST[config.algorithm];
  return adaptsNoise(config) ? LAST_SIBLINGS : 1;
}

/**
 * How many siblings the next cycle runs, an even number: a hundredth of the episodes that the budget holds, within
 * bounds. Where hidden layers stand beside a linear policy, a hundredth of the episodes so far: hidden layers
 * learn by many short moves first (tests/experiments/NOTEBOOK.md, "a linear policy beside hidden layers").
 */
export function siblingCount(run: TrainingRun): number {
  const { task: { config, shape }, experience: { before }, tally } = run;
  const affordable = affordableSiblings(run);
  const sofar = tally.episodes - before.episodes + tally.parts - before.parts;
  const inBudget = config.steps / ((tally.steps.training - before.training) / sofar);
  const wanted = sofar === 0 ? FIRST_SIBLINGS : Math.min(
    MOST_SIBLINGS,
    Math.max(LEAST_SIBLINGS, (shape.skip === "none" ? inBudget : sofar) / CYCLES),
  );
  return 2 * Math.floor(Math.min(wanted, affordable) / 2);
}

/**
 * Checks that a budget holds the least cycle: without a stored policy there is nothing to learn from.
 * @throws {RangeError} naming the least budget.
 */
export function checkBudget(config: Config, spec: EnvSpec): void {
  const needed = leastEpisodes(config) * spec.maxEpisodeSteps;
  if (trainingEnd({ config }) >= needed) return;
  const least = Math.ceil(needed * config.steps / trainingEnd({ config }));
  throw new RangeError(
    `Cannot create run: the budget must hold ${leastEpisodes(config)} episodes of ` +
      `${spec.maxEpisodeSteps} steps for training, at least ${least} steps, got ${config.steps}`,
  );
}

/** Tells whether enough is stored to learn from. */
export function isWarm(
  { task: { config }, tools: { learner }, experience: { before }, tally }: TrainingRun,
): boolean {
  // Once updates have begun it is over, also for a run that goes on with a larger budget.
  return learner.updates > 0 || tally.episodes - before.episodes >= warmupEpisodes(config);
}

/** Episodes of the warm-up; other algorithms than udrlpg have theirs within training. */
export function warmupEpisodes(config: Config): number {
  if (config.algorithm !== "udrlpg") return 0;
  return adaptsNoise(config) ? 1 : WARMUP_EPISODES;
}

/** Falls from 1 to 0 as half a cosine while `part` rises from 0 to 1, and stays there. */
export function fallingCosine(part: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, part)));
}

/** The published method and its rivals evaluate with so many episodes, whatever the budget is. */
const PAPER_EPISODES = { report: 5, final: 20 };
/** Where noise adapts, reports and the last evaluation come on top of the budget with this share of it each. */
const REPORT_SHARE = 0.05;
const FINAL_SHARE = 0.05;

/** Episodes of one evaluation on the way. */
export function reportEpisodes(config: Config): number {
  return adaptsNoise(config) ? 2 : PAPER_EPISODES.report;
}

/** Episodes of the last evaluation: what its share pays for, from 3 to 20. */
export function finalEpisodes({ config, spec }: Plan): number {
  if (!adaptsNoise(config)) return PAPER_EPISODES.final;
  const affordable = Math.floor(FINAL_SHARE * config.steps / spec.maxEpisodeSteps);
  return Math.max(3, Math.min(PAPER_EPISODES.final, affordable));
}

/** Gives how many evaluations and sweeps the whole budget has. */
export function plannedReports({ config, spec }: Plan): { evaluations: number; sweeps: number } {
  const { evaluations, sweeps } = config.reports;
  if (!adaptsNoise(config)) return { evaluations, sweeps };
  const affordable = REPORT_SHARE * config.steps / (reportEpisodes(config) * spec.maxEpisodeSteps);
  return { evaluations: Math.min(evaluations, affordable), sweeps };
}

/** Counts the evaluation intervals and the sweep intervals that have passed. */
export function dueReports(
  { task, tally }: Pick<TrainingRun, "task" | "tally">,
): { evaluations: number; sweeps: number } {
  const planned = plannedReports(task);
  const spent = spentSteps({ tally });
  // A count of 0 makes the interval infinite.
  return {
    evaluations: Math.floor(spent / (task.config.steps / planned.evaluations)),
    sweeps: Math.floor(spent / (task.config.steps / planned.sweeps)),
  };
}
