/**
 * The end of learning: a survey of what stored policies return in the mean, then the last updates, which fit
 * the whole buffer evenly.
 *
 * Survey. A stored return is one episode's. Where the start of an episode decides most of it, a good policy is
 * now and then stored under a poor return, and a policy that does well in every other episode under a middling
 * one. A generator that learns those answers a request with luck. So a share of the budget runs policies from
 * all over the range again and stores them under their means. Of those that return about the same, the
 * steadiest is kept; the last updates learn from the kept ones alone.
 *
 * Updates. Rollouts ask for the best, so updates draw little but the best buckets, and the generator forgets
 * what low commands mean. Here draws are spread evenly over returns. The winner of the selection has a fixed
 * share of every batch. Stored policies that claim as much as the winner are left out: their returns are luck,
 * and a blend of good policies is seldom a good one. At the other end one policy that returns what random ones
 * do has a share: the blend of all that fall over has small weights, and stands still.
 *
 * Where training leaves a survival bonus out of the returns, standing still is worth as little as falling at
 * once, and a low command would stand for both. People ask for whole returns. So policies whose whole return
 * is far from the straight line between a random policy and the winner are left out: one command then means
 * one kind of policy.
 */

import type { Batch } from "../learner/staging.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import type { StoredPolicy } from "../policy_space.ts";
import { affordableEpisodes, choosing, fallingCosine, surveyEnd } from "./budget.ts";
import type { Entry } from "./buffer.ts";
import type { Events, PhaseEvent, UpdateEvent } from "./events.ts";
import { remeasure } from "./measure.ts";
import { currentNormaliser, drawBatch, type TrainingRun } from "./run.ts";
import type { Winner } from "./selection.ts";

/** Episodes of a surveyed policy. */
const EPISODES = 8;
/** Policies that run between two looks at the budget, so that workers have something to share. */
const GROUP = 8;
/** Policies with neighbouring means of which the steadiest is kept. */
const RIVALS = 4;
/** With fewer kept policies the range would have gaps. */
const LEAST_KEPT = 8;

/** A policy that ran again. */
export interface Surveyed {
  /** Where it is stored, under its mean. */
  readonly entry: Entry;
  /** Deviation of its scaled returns. */
  readonly std: number;
}

/**
 * Runs policies again within the survey's share of the budget.
 * @returns the steadiest ones; undefined where the share is too small for enough of them.
 */
export async function* survey(
  run: TrainingRun,
): Events<PhaseEvent, ReadonlySet<Entry> | undefined> {
  const end = surveyEnd(run);
  const waiting = new Set(run.attempt.buffer.drawable());
  const returns = Array.from(waiting, ({ scaledReturn }) => scaledReturn);
  const range = { min: Math.min(...returns), max: Math.max(...returns) };
  const surveyed: Surveyed[] = [];
  for (let asked = 0; waiting.size > 0;) {
    const affordable = Math.floor(affordableEpisodes(run, { end }) / EPISODES);
    const group: Entry[] = [];
    while (group.length < Math.min(affordable, GROUP) && waiting.size > 0) {
      const entry = nearest(waiting, goldenBetween(asked++, range));
      waiting.delete(entry);
      group.push(entry);
    }
    if (group.length === 0) break;
    const stds = await remeasure(run, group, { episodes: EPISODES });
    surveyed.push(...group.map((entry, i) => ({ entry, std: stds[i] })));
    yield choosing(run);
  }
  const kept = steadiest(surveyed);
  return kept.size < LEAST_KEPT ? undefined : kept;
}

function nearest(entries: Iterable<Entry>, scaledReturn: number): Entry {
  const miss = (entry: Entry) => Math.abs(entry.scaledReturn - scaledReturn);
  return [...entries].reduce((a, b) => (miss(b) < miss(a) ? b : a));
}

/** Keeps the policy of least deviation of each few that follow each other by return. */
export function steadiest(surveyed: readonly Surveyed[]): Set<Entry> {
  const sorted = [...surveyed].sort((a, b) => a.entry.scaledReturn - b.entry.scaledReturn);
  const kept = new Set<Entry>();
  for (let start = 0; start < sorted.length; start += RIVALS) {
    const rivals = sorted.slice(start, start + RIVALS);
    kept.add(rivals.reduce((a, b) => (b.std < a.std ? b : a)).entry);
  }
  return kept;
}

/** Step size of the last updates at their start: thousands of them settle while it falls to 0. */
const LEARNING_RATE = 1e-3;

/** Share of their batches that holds the winner of the selection. */
const WINNER_SHARE = 0.25;

/** Policies this close to an end of the range, or beyond it, are left out. */
const CLEARANCE = 0.02;

/** How far a whole return may be from the line, as a share of the line's rise. */
const BAND = 0.25;

/** A policy that has a share of every batch: its command is to mean this one and no blend. */
interface Anchor {
  /** Its numbers, [P]. */
  readonly policy: StoredPolicy;
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
}

/** Runs the configured number of updates with a step size that falls to 0. */
export async function* consolidate(
  run: TrainingRun,
  { winner, steady }: ConsolidationOptions,
): Events<UpdateEvent | PhaseEvent> {
  const { task: { config }, tools: { learner }, history } = run;
  const { updates } = config.consolidation;
  const { perCycle, batchSize } = config.update;
  const start = learner.updates;
  const rate = (update: number): number =>
    LEARNING_RATE * fallingCosine((update - start) / updates);
  const below = winner ? winner.command - CLEARANCE : Infinity;
  const anchors = winner ? anchorsOf(run, { winner, steady }) : [];
  const putBack = setAside(run, { winner, steady, anchors });
  try {
    for (let done = 0; done < updates; done += perCycle) {
      const rng = streamFor(config.seed, "consolidation", done);
      const batches = Array.from({ length: perCycle }, () => {
        const batch = drawBatch(run, rng, { size: batchSize, isEven: true, below });
        return anchors.reduce((held, anchor) => withAnchor(run, held, anchor), batch);
      });
      const losses = await learner.update(batches, { rng, learningRate: rate });
      history.lastLoss = summarise(losses).mean;
      yield { kind: "update", updates: learner.updates, loss: history.lastLoss };
      yield { kind: "phase", phase: "fitting", done: learner.updates - start, total: updates };
    }
  } finally {
    putBack();
  }
}

/** What random policies reach, on the scale of commands: as stored, and with the survival bonus. */
function startOf(
  { task: { config, scale }, attempt, history }: TrainingRun,
): { command: number; whole: number } {
  const firstReturns = history.returns.slice(0, config.warmup.episodes);
  return { command: attempt.startReturn, whole: scale.scale(summarise(firstReturns).mean) };
}

/** The winner, and the stored policy that is most like random ones, if the winner is better. */
function anchorsOf(
  run: TrainingRun,
  { winner, steady }: { winner: Winner; steady: ReadonlySet<Entry> | undefined },
): Anchor[] {
  const { task: { config }, attempt: { buffer } } = run;
  const { floorShare } = config.consolidation;
  const { policy, command } = winner;
  const anchors: Anchor[] = [{ policy, command, share: WINNER_SHARE }];
  if (floorShare === 0) return anchors;
  const { whole } = startOf(run);
  const miss = ({ scaledReturn, survival }: Entry) => Math.abs(scaledReturn + survival - whole);
  const [first, ...others] = steady ?? buffer.drawable();
  if (first === undefined) return anchors;
  const floor = others.reduce((a, b) => (miss(b) < miss(a) ? b : a), first);
  if (floor.scaledReturn + CLEARANCE < winner.command) {
    const copy = buffer.row(floor.slot).slice() as StoredPolicy;
    anchors.push({ policy: copy, command: floor.scaledReturn, share: floorShare });
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
  const { buffer } = run.attempt;
  const isFar = winner ? farFromLine(run, winner) : () => false;
  const [, floor] = anchors;
  const lowest = floor ? floor.command + CLEARANCE : -Infinity;
  const putBack = buffer.setAside((entry) =>
    isFar(entry) || entry.scaledReturn < lowest || steady?.has(entry) === false
  );
  if (buffer.bucketCount > 0) return putBack;
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
  const rise = run.task.scale.scale(meanReturn) - from.whole;
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
  { commands, shares, writeTarget, states }: Batch,
  { policy, command, share }: Anchor,
): Batch {
  const { frame } = run.task;
  const count = commands.length;
  const normaliser = currentNormaliser(run);
  return {
    commands: [...commands, command],
    shares: Float32Array.from([...shares.map((value) => value * (1 - share)), share]),
    writeTarget(row, out) {
      if (row < count) return writeTarget(row, out);
      frame.toNormalised(policy, normaliser, { out });
    },
    ...(states ? { states } : {}),
  };
}
