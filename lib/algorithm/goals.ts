/**
 * What rollouts ask for: the returns of a few stored policies that deserve it.
 *
 * The reference asks for the best return seen. Often that was a lucky episode, or its policy is so fragile that
 * whatever the generator puts out near it falls down; a run that goes on asking for it learns nothing more. So
 * each stored policy has a credit: the mean of its own return and of the returns that rollouts reached when
 * they asked for it. Rollouts ask for one of the policies of highest credit. Nothing speaks against a new best
 * policy yet, so rollouts try it at once, and drop it when they do not reach it.
 */

import type { Entry } from "./buffer.ts";
import { streamFor } from "../numbers/streams.ts";
import type { TrainingRun } from "./run.ts";

/** A return to ask for, and what rollouts reached that did. */
export type Goal = Pick<Entry, "scaledReturn" | "asked" | "answered">;

/** This many stored policies of highest return compete by their credit. */
const COMPETITORS = 60;

/**
 * The goals of rollouts, most deserving first: at least one. A single goal without credit is the best
 * return seen, whether its policy was stored or not, as in the reference.
 */
export function goalsOf(run: TrainingRun): Goal[] {
  const { task: { config: { command: { top, credit } } }, attempt: { buffer } } = run;
  return top === 1 && credit === 0
    ? [{ scaledReturn: buffer.best, asked: 0, answered: 0 }]
    : goalPolicies(run);
}

/** The stored policies that rollouts ask for, most deserving first. */
export function goalPolicies({ task: { config }, attempt: { buffer } }: TrainingRun): Entry[] {
  const { top, credit } = config.command;
  if (credit === 0) return buffer.top(top);
  // A stable sort of what comes best first: equal credit goes to the higher return.
  return buffer.top(COMPETITORS)
    .sort((a, b) => creditOf(b, credit) - creditOf(a, credit))
    .slice(0, top);
}

/** The mean of a policy's own return, counted `weight` times, and of what rollouts for it reached. */
function creditOf({ scaledReturn, asked, answered }: Goal, weight: number): number {
  return (weight * scaledReturn + answered) / (weight + asked);
}

/** Draws the goal of the next rollout, evenly. */
export function drawGoal({ task: { config }, tally }: TrainingRun, goals: readonly Goal[]): Goal {
  const draw = streamFor(config.seed, "goal", tally.episodes).random();
  return goals[Math.floor(draw * goals.length)];
}

/** Notes what a rollout reached when it asked for a goal. */
export function creditGoal(goal: Goal, scaledReturn: number): void {
  goal.asked++;
  goal.answered += scaledReturn;
}
