/**
 * The last updates: the whole buffer, evenly.
 *
 * While rollouts ask for the best, updates draw the best buckets almost only, and what low commands
 * mean is forgotten. Here draws are spread evenly over returns, so that every command means something
 * again. The policy that won the selection takes a fixed share of every batch, and stored policies that
 * claim as much as it or more are left out: beside it they are luck, and a blend of good policies is
 * seldom a good one.
 */

import type { Batch } from "./staging.ts";
import { streamFor } from "./rollout.ts";
import { fallingCosine } from "./schedule.ts";
import type { Winner } from "./selection.ts";
import { summarise } from "./statistics.ts";
import type { TrainingObserver } from "./training_observer.ts";
import { currentNormaliser, drawBatch, type TrainingRun } from "./training_run.ts";

/** Policies this close below the winner's scaled return, or above it, are left out. */
const CLEARANCE = 0.02;

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
