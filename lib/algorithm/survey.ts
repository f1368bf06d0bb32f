/**
 * What stored policies return in the mean, all over the range, before the even phase.
 *
 * A stored return is one episode's. Where the start of an episode decides most of it, a good policy is
 * stored under a poor return now and then, and many a middling return is that of a policy that does
 * well in every other episode: a generator that learns those answers a request with luck. So in a share
 * of the budget policies from all over the range run again and are stored under their mean, and of those
 * that return about the same the steadiest is kept. The even phase learns from these alone, and the
 * selection knows a good one that is sure.
 */

import type { Entry } from "./buffer.ts";
import { goldenBetween } from "../numbers/golden.ts";
import { measureNoiseFree } from "./probe.ts";
import { summarise } from "../numbers/statistics.ts";
import { spentSteps, storedPolicy, surveySteps, type TrainingRun } from "./run.ts";

/** Episodes of a policy. */
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
export async function survey(run: TrainingRun): Promise<ReadonlySet<Entry> | undefined> {
  const { config, spec, attempt: { buffer } } = run;
  const end = Math.min(spentSteps(run) + surveySteps(run), config.steps);
  const waiting = new Set(buffer.entries());
  const returns = Array.from(waiting, ({ scaledReturn }) => scaledReturn);
  const range = { min: Math.min(...returns), max: Math.max(...returns) };
  const surveyed: Surveyed[] = [];
  for (let asked = 0; waiting.size > 0;) {
    const affordable = Math.floor((end - spentSteps(run)) / (EPISODES * spec.maxEpisodeSteps));
    const group: Entry[] = [];
    while (group.length < Math.min(affordable, GROUP) && waiting.size > 0) {
      const entry = nearest(waiting, goldenBetween(asked++, range));
      waiting.delete(entry);
      group.push(entry);
    }
    if (group.length === 0) break;
    surveyed.push(...await runAgain(run, group));
  }
  const kept = steadiest(surveyed);
  return kept.size < LEAST_KEPT ? undefined : kept;
}

function nearest(entries: Iterable<Entry>, scaledReturn: number): Entry {
  const miss = (entry: Entry) => Math.abs(entry.scaledReturn - scaledReturn);
  return [...entries].reduce((a, b) => (miss(b) < miss(a) ? b : a));
}

/** Runs stored policies on the same fresh episodes and stores them under their means. */
async function runAgain(run: TrainingRun, entries: readonly Entry[]): Promise<Surveyed[]> {
  const { attempt: { buffer }, scale } = run;
  const rows = entries.map((entry) => storedPolicy(run, entry));
  const results = await measureNoiseFree(run, rows, { episodes: EPISODES });
  return entries.map((entry, i) => {
    const { mean, std } = summarise(
      results[i].map((each) => scale.scale(scale.storedReturn(each))),
    );
    buffer.relabel(entry, {
      scaledReturn: mean,
      survival: summarise(results[i].map((each) => scale.survival(each))).mean,
      step: spentSteps(run),
      episodes: EPISODES,
    });
    return { entry, std };
  });
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
