/** The exploring episode: a generated policy, noise on its weights, one episode, one stored pair. */

import { DivergedError } from "./errors.ts";
import { noiseDeviations } from "./noise.ts";
import { createMoments, mergeMoments } from "./normaliser.ts";
import { episodeSeed, runEpisode, streamFor } from "./rollout.ts";
import { currentNormaliser, spentSteps, toPolicyOrder, type TrainingRun } from "./training_run.ts";

/**
 * Adds Gaussian noise to a policy in generator order, [P], in place. Draws one uniform and 1 + P
 * normal numbers from the stream of this episode. With a spread, episodes explore at many scales: most
 * near the configured sigma, a few far out of a plateau.
 */
export function addNoise(run: TrainingRun, row: Float32Array): void {
  const { config, counters } = run;
  const rng = streamFor(config.seed, "noise", counters.episodes);
  if (rng.random() >= config.rollout.noiseProbability) return;
  const factor = Math.exp(config.rollout.noiseSpread * rng.standardNormal());
  const deviations = noiseDeviations(run);
  for (let i = 0; i < row.length; i++) row[i] += factor * deviations[i] * rng.standardNormal();
}

/** What `runAndStore` tells of its episode. */
export interface StoredEpisode {
  readonly return: number;
  readonly length: number;
  readonly scaledReturn: number;
  readonly stored: boolean;
}

/**
 * Runs one training episode with a policy in generator order, [P], and stores it under its return.
 * @throws {DivergedError} when the policy or its return is not finite; nothing is stored then.
 */
export async function runAndStore(
  run: TrainingRun,
  row: Float32Array,
  { updateNormaliser }: { updateNormaliser: boolean },
): Promise<StoredEpisode> {
  const { config, env, policy, model, moments, scale, frame, buffer, counters, history } = run;
  assertFinite(row, { run, what: "policy" });
  const normaliser = currentNormaliser(run);
  policy.normalise(normaliser);
  policy.load(toPolicyOrder(model, row));
  const seen = createMoments(moments.mean.length);
  const seed = episodeSeed(config.seed, "training", counters.episodes);
  const episode = await runEpisode(
    env,
    policy,
    updateNormaliser ? { seed, moments: seen } : { seed },
  );
  assertFinite([episode.return], { run, what: "return" });
  mergeMoments(moments, seen);
  counters.episodes++;
  counters.steps.training += episode.length;
  const scaledReturn = scale.scale(scale.storedReturn(episode));
  const stored = row.slice();
  frame.toRaw(stored, normaliser);
  const entry = buffer.add(stored, { scaledReturn, step: spentSteps(run) });
  history.returns.push(episode.return);
  history.lastReturn = episode.return;
  history.bestReturn = Math.max(history.bestReturn, episode.return);
  return {
    return: episode.return,
    length: episode.length,
    scaledReturn,
    stored: entry !== undefined,
  };
}

function assertFinite(
  values: ArrayLike<number>,
  { run, what }: { run: TrainingRun; what: "policy" | "return" },
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new DivergedError(
      `Cannot continue training: every number of the ${what} must be finite, got ${values[i]} at ` +
        `index ${i}, step ${spentSteps(run)}, episode ${run.counters.episodes}`,
    );
  }
}
