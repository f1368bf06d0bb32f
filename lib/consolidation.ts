/**
 * The last updates: the whole buffer, evenly.
 *
 * While rollouts ask for the best, updates draw the best buckets almost only, and what low commands
 * mean is forgotten. Here draws are spread evenly over returns, so that every command means something
 * again. The policy that won the selection takes a fixed share of every batch, and stored policies that
 * claim as much as it or more are left out: beside it they are luck, and a blend of good policies is
 * seldom a good one.
 *
 * Where training left a survival bonus out of the returns, standing still is worth as little as falling
 * at once, and the low commands would stand for both. People ask for whole returns: policies whose
 * whole return is far from the straight line between a random policy and the winner are left out, so
 * that one command means one kind of policy.
 */

import type { Entry } from "./buffer.ts";
import type { Batch } from "./staging.ts";
import { streamFor } from "./rollout.ts";
import { fallingCosine } from "./schedule.ts";
import type { Winner } from "./selection.ts";
import { summarise } from "./statistics.ts";
import type { TrainingObserver } from "./training_observer.ts";
import { currentNormaliser, drawBatch, type TrainingRun } from "./training_run.ts";

/** Policies this close below the winner's scaled return, or above it, are left out. */
const CLEARANCE = 0.02;

/** How far a whole return may be from the line, as a share of the line's rise. */
const BAND = 0.25;

/** Runs the configured number of updates with a step size that falls to 0. */
export async function consolidate(
  run: TrainingRun,
  { winner, observer }: { winner: Winner | undefined; observer: TrainingObserver },
): Promise<void> {
  const { config, learner, history } = run;
  const { updates, learningRate, weighting, winnerShare } = config.consolidation;
  const { perCycle, batchSize } = config.update;
  const start = learner.updates;
  const rate = (update: number): number => learningRate * fallingCosine((update - start) / updates);
  const putBack = winner ? setFarAside(run, winner) : () => {};
  for (let done = 0; done < updates; done += perCycle) {
    const rng = streamFor(config.seed, "consolidation", done);
    const batches = Array.from({ length: perCycle }, () => {
      const below = winner ? winner.command - CLEARANCE : Infinity;
      const batch = drawBatch(run, rng, { size: batchSize, weighting, below });
      return winner ? withWinner(run, batch, { winner, share: winnerShare }) : batch;
    });
    const losses = await learner.update(batches, { rng, learningRate: rate });
    history.lastLoss = summarise(losses).mean;
    observer.record("update", { updates: learner.updates, loss: history.lastLoss });
  }
  putBack();
}

/** Keeps the policies that are far from the line from being drawn, unless none would be left. */
function setFarAside(run: TrainingRun, winner: Winner): () => void {
  const putBack = run.buffer.setAside(farFromLine(run, winner));
  if (run.buffer.bucketCount > 0) return putBack;
  putBack();
  return () => {};
}

/**
 * Tells policies whose whole scaled return is far from what their command should mean. Where no bonus
 * is left out, whole returns are commands, and none is far; nor is any where training found nothing better
 * than random policies.
 */
export function farFromLine(
  { history, scale, config }: TrainingRun,
  { command, meanReturn }: Pick<Winner, "command" | "meanReturn">,
): (entry: Pick<Entry, "scaledReturn" | "survival">) => boolean {
  const firstReturns = history.returns.slice(0, config.warmup.episodes);
  const from = { command: history.startReturn, whole: scale.scale(summarise(firstReturns).mean) };
  const rise = scale.scale(meanReturn) - from.whole;
  if (rise <= 0 || command <= from.command) return () => false;
  const slope = rise / (command - from.command);
  return ({ scaledReturn, survival }) => {
    const wanted = from.whole + slope * (scaledReturn - from.command);
    return survival > 0 && Math.abs(scaledReturn + survival - wanted) > BAND * rise;
  };
}

/** Adds the winner as one more row that has the given share of the batch. */
function withWinner(
  run: TrainingRun,
  { commands, shares, writeTarget }: Batch,
  { winner, share }: { winner: Winner; share: number },
): Batch {
  const count = commands.length;
  const normaliser = currentNormaliser(run);
  return {
    commands: [...commands, winner.command],
    shares: Float32Array.from([...shares.map((value) => value * (1 - share)), share]),
    writeTarget(row, out) {
      if (row < count) return writeTarget(row, out);
      out.set(winner.row);
      run.frame.toNormalised(out, normaliser);
    },
  };
}
