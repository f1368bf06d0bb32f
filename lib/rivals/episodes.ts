/** Training episodes of algorithms that store no policies: run as a whole or step by step, counted, told. */

import { book } from "../algorithm/measure.ts";
import type { EpisodeEvent } from "../algorithm/events.ts";
import type { CycleContext } from "../algorithm/measure.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import type { MaybePromise } from "../env.ts";
import { addObservation, type Moments } from "../episodes/normaliser.ts";
import { type Episode, runEpisode } from "../episodes/rollout.ts";
import type { Rng } from "../numbers/rng.ts";
import { episodeSeed } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { DivergedError } from "../system/errors.ts";

/** An episode and what the run tells of it. */
export interface BookedEpisode extends Episode {
  /** What the run tells of it. */
  readonly event: EpisodeEvent;
}

/** Runs one training episode with a policy, from a start that others may share, and counts it. */
export async function runAndBook(
  run: TrainingRun,
  parameters: PolicyParameters,
  { normaliser, seen, start }: CycleContext & { readonly start: number },
): Promise<BookedEpisode> {
  const { task: { config }, tools: { env, policy } } = run;
  policy.normalise(normaliser);
  policy.load(parameters);
  const seed = episodeSeed(config.seed, "training", start);
  const episode = await runEpisode(env, policy, {
    seed,
    see: (observation) => addObservation(seen, observation),
  });
  return { ...episode, event: bookEpisode(run, { ...episode, start }) };
}

/** One step of an episode. The arrays are used again at the next step. */
export interface EpisodeStep {
  /** What was seen before it, [S]. */
  readonly before: Float64Array;
  /** What was done, [A] or `[index]`. */
  readonly action: Float64Array;
  /** What was seen after it, [S]. */
  readonly after: Float64Array;
  /** What it paid. */
  readonly reward: number;
  /** Whether the task itself ended there. */
  readonly terminated: boolean;
}

/** How to run an episode step by step. */
export interface StepOptions {
  /** Number of its start. */
  readonly start: number;
  /** Gets every observation that is acted on. */
  readonly moments?: Moments;
  /** Fills the action for what is seen, knowing how many steps have passed and what they have paid. */
  readonly act: (
    observation: Float64Array,
    action: Float64Array,
    so: { readonly passed: number; readonly earned: number },
  ) => MaybePromise<void>;
  /** Called after every step. */
  readonly see: (step: EpisodeStep) => MaybePromise<void>;
}

/**
 * Runs one training episode, whose actions and steps are the caller's business.
 * @throws {DivergedError} when an observation that is acted on, an action or a reward is not finite.
 */
export async function runSteps(
  { task: { config, spec }, tools: { env } }: TrainingRun,
  { start, moments, act, see }: StepOptions,
): Promise<Episode & { readonly start: number }> {
  await env.reset(episodeSeed(config.seed, "training", start));
  const after = env.observation;
  const before = new Float64Array(after.length);
  const { actionSpace } = spec;
  const action = new Float64Array(actionSpace.kind === "box" ? actionSpace.low.length : 1);
  let [earned, survival, passed] = [0, 0, 0];
  while (true) {
    assertFinite("observation", after);
    before.set(after);
    if (moments) addObservation(moments, before);
    await act(before, action, { passed, earned });
    assertFinite("action", action);
    const { reward, survivalReward, terminated, truncated } = await env.step(action);
    assertFinite("reward", [reward]);
    earned += reward;
    survival += survivalReward;
    passed++;
    await see({ before, action, after, reward, terminated });
    if (!terminated && !truncated) continue;
    return { return: earned, survivalReturn: survival, length: passed, terminated, start };
  }
}

function assertFinite(what: string, values: ArrayLike<number>): void {
  const bad = Array.prototype.find.call(values, (value) => !Number.isFinite(value));
  if (bad === undefined) return;
  throw new DivergedError(
    `Cannot continue training: every number of the ${what} must be finite, got ${bad}`,
  );
}

/** The middle of the range of each action, and half of its width, [A] each; empty for discrete actions. */
export function actionRange(
  { task: { spec: { actionSpace } } }: TrainingRun,
): { readonly centre: Float64Array; readonly halfRange: Float64Array } {
  if (actionSpace.kind !== "box") {
    return { centre: new Float64Array(), halfRange: new Float64Array() };
  }
  const { low, high } = actionSpace;
  return {
    centre: low.map((bound, i) => (high[i] + bound) / 2),
    halfRange: low.map((bound, i) => (high[i] - bound) / 2),
  };
}

/** Fills an action with a random one, drawn evenly: a number from `rng` for each. */
export function drawAction(
  { task: { spec: { actionSpace } } }: TrainingRun,
  rng: Rng,
  action: Float64Array,
): void {
  if (actionSpace.kind === "discrete") action[0] = rng.integer(actionSpace.n);
  else action.forEach((_, i) => action[i] = rng.uniform(actionSpace.low[i], actionSpace.high[i]));
}

/** Counts a training episode and gives what the run tells of it. */
export function bookEpisode(
  run: TrainingRun,
  episode: Episode & { readonly start: number },
): EpisodeEvent {
  book(run, episode);
  return {
    kind: "episode",
    episode: run.tally.episodes,
    return: episode.return,
    length: episode.length,
    scaledReturn: run.task.scale.scale(episode),
    stored: false,
  };
}
