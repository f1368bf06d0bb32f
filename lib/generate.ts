/**
 * From a wanted return to a policy that was seen to earn it.
 *
 * The calibration turns the return into a command; the policy for it is then run for a number of
 * episodes. With a tolerance the search goes on, within a budget of episodes, until the confidence
 * interval of a candidate's mean lies inside the wanted return +- the tolerance: around the command by
 * bisection on what was measured, and for a generator with latents with other draws.
 */

import { type CalibratedCommand, commandFor } from "./calibration.ts";
import type { EpisodeRunner, MeasuredReturn } from "./evaluate.ts";
import { measureReturn } from "./evaluate.ts";
import type { TrainedGenerator } from "./generator_file.ts";
import { episodeSeed, streamFor } from "./rollout.ts";
import { toPolicyOrder } from "./training_run.ts";

/** What is wanted of `findPolicy`. */
export interface FindOptions {
  /** The wanted mean return. */
  readonly requested: number;
  /** Episodes that measure one candidate. */
  readonly episodes: number;
  /** How far the confidence interval may reach from the requested return; no search without it. */
  readonly tolerance?: number;
  /** Episodes that the whole search may run. */
  readonly episodeBudget: number;
  /** Seed of latents and environments. */
  readonly seed: number;
  /** Runs the episodes. */
  readonly runner: EpisodeRunner;
  /** Told after each candidate. */
  readonly onCandidate?: (candidate: Candidate) => void;
}

/** A policy that was generated and measured. */
export interface Candidate {
  /** Scaled command that it was generated for. */
  readonly command: number;
  /** In policy order, [P]. */
  readonly parameters: Float32Array;
  /** What it returned, and the environment seeds of its episodes. */
  readonly measured: MeasuredReturn & { readonly seeds: readonly number[] };
}

/** The best candidate, and whether it is good enough. */
export interface FoundPolicy extends Candidate {
  /** The calibrated command that the search started from. */
  readonly start: CalibratedCommand;
  /** True when no tolerance was given or the confidence interval lies within it. */
  readonly accepted: boolean;
  /** Episodes that the search ran. */
  readonly episodes: number;
}

/** How many grid steps around the calibrated command the search looks at first. */
const FIRST_STEP = 0.5;

/** Generates and measures policies for a wanted return. Every candidate is run on the same seeds. */
export async function findPolicy(
  generator: TrainedGenerator,
  options: FindOptions,
): Promise<FoundPolicy> {
  const { requested, tolerance, episodes, seed } = options;
  const start = commandFor(generator.calibration, requested);
  const seeds = Array.from(
    { length: episodes },
    (_, i) => episodeSeed(seed, "verification", i + 1),
  );
  let spent = 0;
  const measure = async (command: number): Promise<Candidate> => {
    const rng = streamFor(seed, "latent", spent);
    const [row] = await generator.pass.run(generator.values, { commands: [command], rng });
    const parameters = toPolicyOrder(generator.model, row);
    const [results] = await options.runner.run([{ parameters, seeds }], generator.normaliser);
    spent += episodes;
    const candidate = { command, parameters, measured: { ...measureReturn(results), seeds } };
    options.onCandidate?.(candidate);
    return candidate;
  };
  const candidates = [await measure(start.command)];
  const accepts = ({ measured: { ci95: [low, high] } }: Candidate): boolean =>
    tolerance === undefined || (low >= requested - tolerance && high <= requested + tolerance);
  const miss = ({ measured }: Candidate) => Math.abs(measured.mean - requested);
  while (!candidates.some(accepts) && spent + episodes <= options.episodeBudget) {
    const next = nextCommand(candidates, { requested, generator });
    if (next === undefined) break;
    candidates.push(await measure(next));
  }
  const accepted = candidates.filter(accepts);
  const best = (accepted.length > 0 ? accepted : candidates)
    .reduce((a, b) => (miss(b) < miss(a) ? b : a));
  return { ...best, start, accepted: accepted.length > 0, episodes: spent };
}

/**
 * Chooses the next command: halfway between the closest two measured commands whose means bracket the
 * wanted return, the next grid point outwards while none do.
 */
function nextCommand(
  candidates: readonly Candidate[],
  { requested, generator }: { requested: number; generator: TrainedGenerator },
): number | undefined {
  const { points } = generator.calibration;
  const grid = points.length > 1 ? points[1].command - points[0].command : 0.01;
  const sorted = [...candidates].sort((a, b) => a.command - b.command);
  let [narrowest, next]: [number, number | undefined] = [Infinity, undefined];
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1], sorted[i]];
    const brackets = (a.measured.mean - requested) * (b.measured.mean - requested) <= 0;
    const width = b.command - a.command;
    // Below a 4096th of a grid step neighbouring policies hardly differ.
    if (brackets && width < narrowest && width > grid / 4096) {
      [narrowest, next] = [width, (a.command + b.command) / 2];
    }
  }
  if (next !== undefined) return next;
  const step = grid * FIRST_STEP;
  const first = candidates[0];
  const lowest = sorted[0].command;
  // Both ways in turn, first where a rising curve has the return; there is nothing below command 0.
  const upwards = candidates.length % 2 === (first.measured.mean < requested ? 1 : 0);
  return upwards || lowest <= 0
    ? sorted[sorted.length - 1].command + step
    : Math.max(0, lowest - step);
}
