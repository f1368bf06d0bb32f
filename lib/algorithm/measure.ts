/** Running policies: for training, with everything that an episode changes, or several times without noise. */

import { countSteps, type EvaluationJob } from "../episodes/evaluate.ts";
import { createMoments, foresee, mergeMoments, type Moments } from "../episodes/normaliser.ts";
import { type Episode, runEpisode } from "../episodes/rollout.ts";
import type { NormaliserState } from "../model.ts";
import { episodeSeed, type Purpose, streamFor } from "../numbers/streams.ts";
import { type GeneratedPolicy, type StoredPolicy, toPolicyOrder } from "../policy_space.ts";
import { DivergedError } from "../system/errors.ts";
import { spentSteps } from "./budget.ts";
import type { EpisodeEvent } from "./events.ts";
import type { Sibling } from "./exploration.ts";
import { currentNormaliser, type StepCounts, type TrainingRun } from "./run.ts";

/** Generates policies without noise: one row of [P] for each command. */
export function generate(
  { task: { config }, tools: { learner }, tally }: TrainingRun,
  commands: readonly number[],
): Promise<GeneratedPolicy[]> {
  const rng = streamFor(config.seed, "latent", tally.episodes);
  return learner.generate(commands, { rng });
}

/** A training episode that was run and stored. */
export interface StoredEpisode extends Episode {
  /** The policy as it is stored, [P]. */
  readonly policy: StoredPolicy;
  /** Number of its start. */
  readonly start: number;
  /** What the run tells of it. */
  readonly event: EpisodeEvent;
}

/** What holds for all rollouts of a cycle. */
export interface CycleContext {
  /** The normaliser that its policies use. */
  readonly normaliser: NormaliserState;
  /** Gathers the observations of its episodes. */
  readonly seen: Moments;
}

/** Begins a cycle: its policies see through the same normaliser, whatever its episodes show. */
export function beginCycle(run: TrainingRun): CycleContext {
  const { experience: { moments }, tally } = run;
  tally.lastRollouts = 0;
  return { normaliser: currentNormaliser(run), seen: createMoments(moments.mean.length) };
}

/** Prepares the first cycle of a run for what its first episode begins with, which costs no step. */
export async function prepareFirstCycle(
  { task: { config }, tools: { env }, experience: { moments } }: TrainingRun,
  { normaliser }: CycleContext,
): Promise<void> {
  if (moments.count > 0) return;
  await env.reset(episodeSeed(config.seed, "training", 0));
  foresee(normaliser, env.observation);
}

/** Ends a cycle: what its episodes showed changes the normaliser of the next. */
export function endCycle({ experience, tally }: TrainingRun, { seen }: CycleContext): void {
  mergeMoments(experience.moments, seen);
  tally.cycles++;
}

/**
 * Runs one training episode with a policy and stores the policy under its return.
 * @throws {DivergedError} when the policy or its return is not finite; nothing is stored then.
 */
export async function runAndStore(
  run: TrainingRun,
  { policy: generated, start }: Sibling,
  { normaliser, seen }: CycleContext,
): Promise<StoredEpisode> {
  const { task: { config, scale, frame }, tools: { env, policy, model }, experience, tally } = run;
  assertFinite(generated, { run, what: "policy" });
  policy.normalise(normaliser);
  policy.load(toPolicyOrder(model, generated));
  const episode = await runEpisode(env, policy, {
    seed: episodeSeed(config.seed, "training", start),
    moments: seen,
    states: experience.states,
  });
  assertFinite([episode.return], { run, what: "return" });
  book(run, { ...episode, start });
  const stored = frame.toRaw(generated, normaliser);
  const storedReturn = scale.scale(episode);
  const entry = experience.buffer.add(stored, storedReturn);
  return {
    ...episode,
    policy: stored,
    start,
    event: {
      kind: "episode",
      episode: tally.episodes,
      return: episode.return,
      length: episode.length,
      scaledReturn: storedReturn,
      stored: entry !== undefined,
    },
  };
}

/** Counts a training episode. */
export function book(
  { tally, history }: TrainingRun,
  episode: Episode & { readonly start: number },
): void {
  tally.starts = Math.max(tally.starts, episode.start + 1);
  tally.episodes++;
  tally.lastRollouts++;
  tally.steps.training += episode.length;
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
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
