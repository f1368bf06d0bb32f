/**
 * Running policies to learn what they return: once with everything that a training episode changes, or
 * several times without noise.
 *
 * The return of one noisy episode is partly luck, and the best of many such returns always is. The generator
 * follows the luck: what it could do well is lost when the next lucky policy leads it elsewhere. So policies
 * run again. The generator's policy for a goal runs in fresh episodes and is stored under their mean
 * (`measureGoals`): a return that was earned, to aim at, to learn from, and to choose from at the end. The best
 * stored policies run again and average their return (`refreshBest`), and so do policies from all over the
 * range before the end (`remeasure`).
 */

import { countSteps, type EvaluationJob } from "../episodes/evaluate.ts";
import { createMoments, mergeMoments } from "../episodes/normaliser.ts";
import { type Episode, runEpisode } from "../episodes/rollout.ts";
import { summarise } from "../numbers/statistics.ts";
import { episodeSeed, type Purpose, streamFor } from "../numbers/streams.ts";
import { type GeneratedPolicy, toPolicyOrder } from "../policy_space.ts";
import { DivergedError } from "../system/errors.ts";
import { GOAL_EPISODES, isLate, spentSteps } from "./budget.ts";
import type { Entry } from "./buffer.ts";
import type { EpisodeEvent } from "./events.ts";
import type { Goal } from "./goals.ts";
import { currentNormaliser, recall, type StepCounts, type TrainingRun } from "./run.ts";

/** Generates policies without noise: one row of [P] for each scaled command. */
export function generate(
  { task: { config }, tools: { learner }, tally }: TrainingRun,
  commands: readonly number[],
): Promise<GeneratedPolicy[]> {
  const rng = streamFor(config.seed, "latent", tally.episodes);
  return learner.generate(commands, { rng });
}

/**
 * Runs one training episode with a policy and stores the policy under its return.
 * @throws {DivergedError} when the policy or its return is not finite; nothing is stored then.
 */
export async function runAndStore(
  run: TrainingRun,
  policy: GeneratedPolicy,
): Promise<EpisodeEvent> {
  const { task: { frame }, attempt: { buffer } } = run;
  const normaliser = currentNormaliser(run);
  const { scaledReturn, survival, ...told } = await runTraining(run, policy);
  const label = { scaledReturn, survival, step: spentSteps(run) };
  const entry = buffer.add(frame.toRaw(policy, normaliser), label);
  return eventOf(run, { ...told, scaledReturn, stored: entry !== undefined });
}

/**
 * Tells whether the next rollout runs a stored policy again. Late in a run rollouts find hardly anything new,
 * and most of what looks better was lucky: there it may be due more often.
 */
export function isRefreshDue(run: TrainingRun): boolean {
  const { task: { config: { rollout } }, tally } = run;
  const every = isLate(run) ? rollout.lateRefreshEvery : rollout.refreshEvery;
  return every > 0 && tally.episodes % every === 0;
}

/** The best stored policies compete for being run again. */
const REFRESH_CANDIDATES = 10;

/**
 * Runs a stored policy for one more training episode and averages its return. Of the best policies it takes
 * the one that was measured in the fewest episodes.
 * @throws {DivergedError} when its return is not finite.
 */
export async function refreshBest(
  run: TrainingRun,
): Promise<EpisodeEvent> {
  const { buffer } = run.attempt;
  const entry = buffer.top(REFRESH_CANDIDATES)
    .reduce((least, other) => (other.episodes < least.episodes ? other : least));
  const policy = recall(run, entry);
  const { scaledReturn, survival, ...told } = await runTraining(run, policy);
  const episodes = entry.episodes + 1;
  buffer.relabel(entry, {
    scaledReturn: (entry.scaledReturn * entry.episodes + scaledReturn) / episodes,
    survival: (entry.survival * entry.episodes + survival) / episodes,
    step: spentSteps(run),
    episodes,
  });
  return eventOf(run, { ...told, scaledReturn, stored: true });
}

interface TrainingEpisode {
  readonly return: number;
  readonly length: number;
  readonly scaledReturn: number;
  readonly survival: number;
}

/** Runs a policy for one training episode and books it. */
async function runTraining(
  run: TrainingRun,
  generated: GeneratedPolicy,
): Promise<TrainingEpisode> {
  const { task: { config, scale }, tools: { env, policy, model }, attempt, tally } = run;
  assertFinite(generated, { run, what: "policy" });
  policy.normalise(currentNormaliser(run));
  policy.load(toPolicyOrder(model, generated));
  const seen = createMoments(attempt.moments.mean.length);
  const seed = episodeSeed(config.seed, "training", tally.episodes);
  const { states } = attempt;
  const episode = await runEpisode(env, policy, { seed, moments: seen, states });
  assertFinite([episode.return], { run, what: "return" });
  mergeMoments(attempt.moments, seen);
  book(run, episode);
  return {
    return: episode.return,
    length: episode.length,
    scaledReturn: scale.scale(scale.storedReturn(episode)),
    survival: scale.survival(episode),
  };
}

/** Counts a training episode. */
function book({ attempt, tally, history }: TrainingRun, episode: Episode): void {
  attempt.episodes++;
  tally.episodes++;
  tally.steps.training += episode.length;
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
}

function eventOf(
  { tally }: TrainingRun,
  told: Omit<EpisodeEvent, "kind" | "episode">,
): EpisodeEvent {
  const { return: value, length, scaledReturn, stored } = told;
  return { kind: "episode", episode: tally.episodes, return: value, length, scaledReturn, stored };
}

function assertFinite(
  values: ArrayLike<number>,
  { run, what }: { run: TrainingRun; what: "policy" | "return" },
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new DivergedError(
      `Cannot continue training: every number of the ${what} must be finite, got ${values[i]} at ` +
        `index ${i}, step ${spentSteps(run)}, episode ${run.tally.episodes}`,
    );
  }
}

/** How to measure policies without noise. */
export interface MeasureOptions {
  /** Episodes for each policy. */
  readonly episodes: number;
  /** Names the stream of seeds. */
  readonly purpose: Purpose;
  /** Number of the first episode in that stream: no two measurements should share seeds. */
  readonly firstEpisode: number;
  /** What the steps are booked as. */
  readonly account: keyof StepCounts;
  /** Runs all on the same episodes, so that they are compared on equal terms. */
  readonly paired?: boolean;
}

/** Runs the policies of commands without noise and books the steps: episodes by command. */
export async function measureCommands(
  run: TrainingRun,
  commands: readonly number[],
  options: MeasureOptions,
): Promise<Episode[][]> {
  return await measure(run, await generate(run, commands), options);
}

/** Runs given policies and books the steps: episodes by policy. */
export async function measure(
  run: TrainingRun,
  policies: readonly GeneratedPolicy[],
  { episodes, purpose, firstEpisode, account, paired = false }: MeasureOptions,
): Promise<Episode[][]> {
  const { task: { config }, tools: { model, runner }, tally } = run;
  const jobs = policies.map((policy, index): EvaluationJob => {
    const first = firstEpisode + (paired ? 0 : index * episodes);
    return {
      parameters: toPolicyOrder(model, policy),
      seeds: Array.from(
        { length: episodes },
        (_, i) => episodeSeed(config.seed, purpose, first + i),
      ),
    };
  });
  const results = await runner.run(jobs, currentNormaliser(run));
  for (const result of results) tally.steps[account] += countSteps(result);
  return results;
}

/** What a policy returned over several episodes that the budget paid for. */
export interface Measured {
  /** Returns, survival bonus included, by episode. */
  readonly returns: readonly number[];
  /** Returns as the buffer stores them, by episode. */
  readonly storedReturns: readonly number[];
  /** Mean scaled survival bonus that stored returns leave out. */
  readonly survival: number;
}

/** Seeds of episodes that train or choose are numbered from here, apart from the calibration's. */
const FIRST_NOISE_FREE = 0x4000_0000;

/** Runs policies on the same episodes, which no measurement has used before; the budget pays for them. */
export async function measurePaid(
  run: TrainingRun,
  policies: readonly GeneratedPolicy[],
  { episodes }: { episodes: number },
): Promise<Measured[]> {
  const { task: { scale }, tally } = run;
  const results = await measure(run, policies, {
    episodes,
    purpose: "calibration",
    firstEpisode: FIRST_NOISE_FREE + tally.noiseFreeEpisodes,
    account: "noiseFree",
    paired: true,
  });
  tally.noiseFreeEpisodes += policies.length * episodes;
  return results.map((result) => ({
    returns: result.map((episode) => episode.return),
    storedReturns: result.map((episode) => scale.storedReturn(episode)),
    survival: summarise(result.map((episode) => scale.survival(episode))).mean,
  }));
}

/**
 * Measures the generator's policies for goals and stores them.
 * @returns their mean returns, survival bonus included.
 */
export async function measureGoals(run: TrainingRun, goals: readonly Goal[]): Promise<number[]> {
  const { task: { frame, scale }, attempt: { buffer } } = run;
  const policies = await generate(run, goals.map(({ scaledReturn }) => scaledReturn));
  const results = await measurePaid(run, policies, { episodes: GOAL_EPISODES });
  return results.map(({ returns, storedReturns, survival }, i) => {
    buffer.add(frame.toRaw(policies[i], currentNormaliser(run)), {
      scaledReturn: scale.scale(summarise(storedReturns).mean),
      survival,
      step: spentSteps(run),
      episodes: GOAL_EPISODES,
    });
    return summarise(returns).mean;
  });
}

/**
 * Measures stored policies again and stores them under their means.
 * @returns the deviation of each one's scaled returns.
 */
export async function remeasure(
  run: TrainingRun,
  entries: readonly Entry[],
  { episodes }: { episodes: number },
): Promise<number[]> {
  const { task: { scale }, attempt: { buffer } } = run;
  const policies = entries.map((entry) => recall(run, entry));
  const results = await measurePaid(run, policies, { episodes });
  return results.map(({ storedReturns, survival }, i) => {
    const { mean, std } = summarise(storedReturns.map((value) => scale.scale(value)));
    const step = spentSteps(run);
    buffer.relabel(entries[i], { scaledReturn: mean, survival, step, episodes });
    return std;
  });
}
