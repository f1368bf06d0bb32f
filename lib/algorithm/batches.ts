/**
 * What the generator is fitted to: batches of stored policies, each under the command that its return stands for, and
 * the policy that is followed under the best one.
 */

import { drawStates } from "../episodes/recent_states.ts";
import type { Batch } from "../learner/staging.ts";
import type { Rng } from "../numbers/rng.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import type { DrawOptions } from "./buffer.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";

/**
 * The command that rollouts ask for: 1 where returns are relative, else the best return stored, or what an
 * algorithm without a buffer aims at.
 */
export function bestCommand({ experience: { buffer, noise, goal } }: TrainingRun): number {
  if (noise) return 1;
  return buffer.size > 0 ? buffer.best : Number.isFinite(goal) ? goal : 1;
}

/** Policies that did as well as those that are followed or better were lucky: their command stays below. */
const HIGHEST_COMMAND = 0.95;
/** Policies that did far worse than random ones are told apart no further. */
export const LOWEST_COMMAND: number = -0.2;

/** The command that a stored return stands for: its share of the rise from random policies to the goal. */
export function commandOf(
  { experience: { noise, floor, goal } }: TrainingRun,
  storedReturn: number,
): number {
  if (!noise) return storedReturn;
  const part = goal > floor ? (storedReturn - floor) / (goal - floor) : 0;
  return Math.min(HIGHEST_COMMAND, Math.max(LOWEST_COMMAND, part));
}

/** Draws the states of a batch, where the loss needs some. */
export function statesFor(run: TrainingRun, rng: Rng): Pick<Batch, "states"> {
  const { tools: { model: { lossStates } }, experience: { states } } = run;
  if (!states) return {};
  const [count] = lossStates!;
  return { states: drawStates(states, rng, { count, normaliser: currentNormaliser(run) }) };
}

/** Draws a batch from the buffer, its policies in the frame of the present normaliser. */
export function drawBatch(run: TrainingRun, rng: Rng, options: DrawOptions): Batch {
  const { task: { frame }, experience: { buffer } } = run;
  const { entries, shares } = buffer.draw(rng, options);
  const normaliser = currentNormaliser(run);
  return {
    commands: entries.map(({ scaledReturn }) => commandOf(run, scaledReturn)),
    shares,
    writeTarget: (row, out) =>
      void frame.toNormalised(buffer.row(entries[row].slot), normaliser, { out }),
    keys: entries.map(({ slot }) => slot),
    ...statesFor(run, rng),
  };
}

/** The returns that the commands 0 and 1 stand for now. */
export function commandRange({ task: { scale }, experience }: TrainingRun): [number, number] {
  const [low, high] = scale.range ?? [experience.floor, experience.goal];
  return [low, high];
}

/**
 * Adds a policy to a batch, at the best command, with `share` of it. That all of a cycle's better half stand for one
 * command makes their mean the same target as each of them: the gradient of the squared error of weights is the same.
 */
export function favour(
  { commands, shares, writeTarget, states }: Omit<Batch, "keys">,
  { policy, share }: { policy: GeneratedPolicy; share: number },
): Batch {
  const count = commands.length;
  return {
    commands: [...commands, 1],
    shares: Float32Array.from([...shares.map((value) => value * (1 - share)), share]),
    writeTarget: (row, out) => row < count ? writeTarget(row, out) : out.set(policy),
    ...(states ? { states } : {}),
  };
}
