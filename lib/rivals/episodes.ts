/** Training episodes of algorithms that store no policies: run, counted, told. */

import type { EpisodeEvent } from "../algorithm/events.ts";
import type { CycleContext } from "../algorithm/measure.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { type Episode, runEpisode } from "../episodes/rollout.ts";
import { episodeSeed } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";

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
  const episode = await runEpisode(env, policy, { seed, moments: seen });
  return { ...episode, event: bookEpisode(run, { ...episode, start }) };
}

/** Counts a training episode and gives what the run tells of it. */
export function bookEpisode(
  { task: { scale }, tally, history }: TrainingRun,
  episode: Episode & { readonly start: number },
): EpisodeEvent {
  tally.starts = Math.max(tally.starts, episode.start + 1);
  tally.episodes++;
  tally.lastRollouts++;
  tally.steps.training += episode.length;
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
  return {
    kind: "episode",
    episode: tally.episodes,
    return: episode.return,
    length: episode.length,
    scaledReturn: scale.scale(episode),
    stored: false,
  };
}
