/**
 * The last updates: the whole buffer, evenly.
 *
 * While rollouts ask for the best, updates draw the best buckets almost only, and what low commands
 * mean is forgotten. Here draws are spread evenly over returns, so that every command means something
 * again. The policy that won the selection takes a fixed share of every batch, and stored policies that
 * claim as much as it or more are left out: beside it they are luck, and a blend of good policies is
 * seldom a good one. At the other end a policy that returns what random ones do has a share: the blend of
 * all that fall over is a policy of small weights, which stands still.
 *
 * Where training left a survival bonus out of the returns, standing still is worth as little as falling
 * at once, and the low commands would stand for both. People ask for whole returns: policies whose
 * whole return is far from the straight line between a random policy and the winner are left out, so
 * that one command means one kind of policy. Where a survey ran (lib/algorithm/survey.ts) its steadiest policies
 * are all that is drawn.
 */

import type { Entry } from "./buffer.ts";
import type { Batch } from "../learner/staging.ts";
import { streamFor } from "../episodes/rollout.ts";
import { fallingCosine } from "../numbers/schedule.ts";
import type { Winner } from "./selection.ts";
import { summarise } from "../numbers/statistics.ts";
import type { TrainingObserver } from "./observer.ts";
import { currentNormaliser, drawBatch, type TrainingRun } from "./run.ts";

/** Policies this close to an end of the range, or beyond it, are left out. */
const CLEARANCE = 0.02;

/** How far a whole return may be from the line, as a share of the line's rise. */
const BAND = 0.25;

/** A policy that has a share of every batch: its command is to mean this one and no blend. */
interface Anchor {
  /** In generator order and the raw frame, [P]. */
  readonly row: Float32Array;
  /** Its scaled return. */
  readonly command: number;
  /** Its share of every batch. */
  readonly share: number;
}

/** What the even phase learns besides the buffer's own. */
export interface ConsolidationOptions {
  /** The policy that won the selection, if there was one. */
  readonly winner: Winner | undefined;
  /** The stored policies that it learns from; all when absent. */
  readonly steady?: ReadonlySet<Entry> | undefined;
  /** Is told of the updates. */
  readonly observer: TrainingObserver;
}

/** Runs the configured number of updates with a step size that falls to 0. */
export async function consolidate(
  run: TrainingRun,
  { winner, steady, observer }: ConsolidationOptions,
): Promise<void> {
  const { config, learner, history } = run;
  const { updates, learningRate, weighting } = config.consolidation;
  const { perCycle, batchSize } = config.update;
  const start = learner.updates;
  const rate = (update: number): number => learningRate * fallingCosine((update - start) / updates);
  const anchors = winner ? anchorsOf(run, { winner, steady }) : [];
  const putBack = setAside(run, { winner, steady, anchors });
  for (let done = 0; done < updates; done += perCycle) {
    const rng = streamFor(config.seed, "consolidation", done);
    const batches = Array.from({ length: perCycle }, () => {
      const below = winner ? winner.command - CLEARANCE : Infinity;
      const batch = drawBatch(run, rng, { size: batchSize, weighting, below });
      return anchors.reduce((held, anchor) => withAnchor(run, held, anchor), batch);
    });
    const losses = await learner.update(batches, { rng, learningRate: rate });
    history.lastLoss = summarise(losses).mean;
    observer.record("update", { updates: learner.updates, loss: history.lastLoss });
  }
  putBack();
}

/** What random policies reach, on the scale of commands: as stored, and with the survival bonus. */
function startOf(
  { attempt, history, scale, config }: TrainingRun,
): { command: number; whole: number } {
  const firstReturns = history.returns.slice(0, config.warmup.episodes);
  return { command: attempt.startReturn, whole: scale.scale(summarise(firstReturns).mean) };
}

/** The winner, and the stored policy that is most like random ones, if the winner is better. */
function anchorsOf(
  run: TrainingRun,
  { winner, steady }: { winner: Winner; steady: ReadonlySet<Entry> | undefined },
): Anchor[] {
  const { winnerShare, floorShare } = run.config.consolidation;
  const { row, command } = winner;
  const anchors: Anchor[] = [{ row, command, share: winnerShare }];
  if (floorShare === 0) return anchors;
  const { whole } = startOf(run);
  const miss = ({ scaledReturn, survival }: Entry) => Math.abs(scaledReturn + survival - whole);
  const [first, ...others] = steady ?? run.attempt.buffer.entries();
  if (first === undefined) return anchors;
  const floor = others.reduce((a, b) => (miss(b) < miss(a) ? b : a), first);
  if (floor.scaledReturn + CLEARANCE < winner.command) {
    const copy = run.attempt.buffer.row(floor.slot).slice();
    anchors.push({ row: copy, command: floor.scaledReturn, share: floorShare });
  }
  return anchors;
}

/** Keeps what would blur a command from being drawn, unless nothing would be left. */
function setAside(
  run: TrainingRun,
  { winner, steady, anchors }: {
    winner: Winner | undefined;
    steady: ReadonlySet<Entry> | undefined;
    anchors: readonly Anchor[];
  },
): () => void {
  const isFar = winner ? farFromLine(run, winner) : () => false;
  const [, floor] = anchors;
  const lowest = floor ? floor.command + CLEARANCE : -Infinity;
  const putBack = run.attempt.buffer.setAside((entry) =>
    isFar(entry) || entry.scaledReturn < lowest || steady?.has(entry) === false
  );
  if (run.attempt.buffer.bucketCount > 0) return putBack;
  putBack();
  return () => {};
}

/**
 * Tells policies whose whole scaled return is far from what their command should mean. Where no bonus
 * is left out, whole returns are commands, and none is far; nor is any where training found nothing better
 * than random policies.
 */
export function farFromLine(
  run: TrainingRun,
  { command, meanReturn }: Pick<Winner, "command" | "meanReturn">,
): (entry: Pick<Entry, "scaledReturn" | "survival">) => boolean {
  const from = startOf(run);
  const rise = run.scale.scale(meanReturn) - from.whole;
  if (rise <= 0 || command <= from.command) return () => false;
  const slope = rise / (command - from.command);
  return ({ scaledReturn, survival }) => {
    const wanted = from.whole + slope * (scaledReturn - from.command);
    return survival > 0 && Math.abs(scaledReturn + survival - wanted) > BAND * rise;
  };
}

/** Adds an anchor as one more row that has its share of the batch. */
function withAnchor(
  run: TrainingRun,
  { commands, shares, writeTarget }: Batch,
  { row: anchored, command, share }: Anchor,
): Batch {
  const count = commands.length;
  const normaliser = currentNormaliser(run);
  return {
    commands: [...commands, command],
    shares: Float32Array.from([...shares.map((value) => value * (1 - share)), share]),
    writeTarget(row, out) {
      if (row < count) return writeTarget(row, out);
      out.set(anchored);
      run.frame.toNormalised(out, normaliser);
    },
  };
}
