/** Noise-free policies of a run's generator: generating them, and measuring what they return. */

import { countSteps, type EvaluationJob } from "../episodes/evaluate.ts";
import { type Episode, episodeSeed, type Purpose, streamFor } from "../episodes/rollout.ts";
import { currentNormaliser, type StepCounts, type TrainingRun } from "./run.ts";
import { toPolicyOrder } from "../policy_space.ts";

/** What to measure. */
export interface ProbeOptions {
  /** Scaled commands. */
  readonly commands: readonly number[];
  /** Episodes for each command. */
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

/** Generates noise-free policies in generator order: one row of [P] for each scaled command. */
export function generateRows(
  run: TrainingRun,
  commands: readonly number[],
): Promise<Float32Array[]> {
  const rng = streamFor(run.config.seed, "latent", run.counters.episodes);
  return run.learner.generate(commands, { rng });
}

/** Runs the policies of commands without noise and books the steps: episodes by command. */
export async function measureCommands(
  run: TrainingRun,
  options: ProbeOptions,
): Promise<Episode[][]> {
  const rows = await generateRows(run, options.commands);
  return await measureRows(run, rows, options);
}

/** Seeds of episodes that train or choose are numbered from here, apart from the calibration's. */
const FIRST_NOISE_FREE = 0x4000_0000;

/**
 * Runs given policies (generator order, rows of [P]) on the same episodes, seen in no measurement before,
 * whose steps the budget pays for: episodes by policy.
 */
export async function measureNoiseFree(
  run: TrainingRun,
  rows: readonly Float32Array[],
  { episodes }: { episodes: number },
): Promise<Episode[][]> {
  const { counters } = run;
  const results = await measureRows(run, rows, {
    episodes,
    purpose: "calibration",
    firstEpisode: FIRST_NOISE_FREE + counters.noiseFreeEpisodes,
    account: "noiseFree",
    paired: true,
  });
  counters.noiseFreeEpisodes += rows.length * episodes;
  return results;
}

/** Runs given policies (generator order, rows of [P]) and books the steps: episodes by policy. */
export async function measureRows(
  run: TrainingRun,
  rows: readonly Float32Array[],
  { episodes, purpose, firstEpisode, account, paired = false }: Omit<ProbeOptions, "commands">,
): Promise<Episode[][]> {
  const jobs = rows.map((row, index): EvaluationJob => ({
    parameters: toPolicyOrder(run.model, row),
    seeds: Array.from(
      { length: episodes },
      (_, i) =>
        episodeSeed(run.config.seed, purpose, firstEpisode + (paired ? 0 : index * episodes) + i),
    ),
  }));
  const results = await run.runner.run(jobs, currentNormaliser(run));
  for (const result of results) run.counters.steps[account] += countSteps(result);
  return results;
}
