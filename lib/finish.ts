/**
 * The end of a run: which command is handed out as the best, and which command earns which return.
 *
 * "The best return seen" is the luckiest noisy episode, and the policy that the generator puts out for
 * that command may be a bad one. So several commands near the top compete by measured episodes, half
 * of them leaving each round (successive halving), within a share of the budget that training left
 * for it. The curve below the best is measured afterwards; it changes nothing but the way requests are
 * answered, and its steps are booked as calibration.
 */

import type { Calibration, CalibrationPoint } from "./calibration.ts";
import { measureReturn } from "./evaluate.ts";
import { measureCommands } from "./probe.ts";
import { type Episode, streamFor } from "./rollout.ts";
import { summarise } from "./statistics.ts";
import type { TrainingObserver, TrainingOutcome } from "./trainer.ts";
import { drawBatch, spentSteps, type TrainingRun } from "./training_run.ts";

/** Candidates lie between this share of the best return seen and a little above it. */
const LOWEST_CANDIDATE = 0.7;
const HIGHEST_CANDIDATE = 1.1;
/** Commands of the calibration that are refined at once. */
const REFINEMENT_GROUP = 8;

/** Selects, calibrates and evaluates a trained run. */
export async function finish(
  run: TrainingRun,
  observer: TrainingObserver,
): Promise<TrainingOutcome> {
  await consolidate(run, observer);
  const best = await selectBest(run);
  const points = await measureCurve(run);
  const calibration: Calibration = { points, ...best };
  observer.record("curve", { final: true, points });
  const [episodes] = await measureCommands(run, {
    commands: [best.bestCommand],
    episodes: run.config.evaluation.finalEpisodes,
    purpose: "verification",
    firstEpisode: 0,
    account: "evaluation",
  });
  const finalReturn = measureReturn(episodes);
  observer.record("evaluation", { final: true, command: best.bestCommand, ...finalReturn });
  return { calibration, finalReturn };
}

/**
 * Fits the whole buffer evenly, so that low commands mean what they say again: rollouts alone drew
 * the best buckets almost only. A share of the updates keeps the rollouts' weighting and holds the top.
 */
async function consolidate(run: TrainingRun, observer: TrainingObserver): Promise<void> {
  const { config, learner } = run;
  const { updates, learningRate, weighting, topShare } = config.consolidation;
  const { perCycle, batchSize } = config.update;
  const start = learner.updates;
  for (let done = 0; done < updates; done += perCycle) {
    const rng = streamFor(config.seed, "consolidation", done);
    const batches = Array.from({ length: perCycle }, () => {
      const own = rng.random() < topShare;
      return drawBatch(run, rng, own ? { size: batchSize } : { size: batchSize, weighting });
    });
    const losses = await learner.update(batches, {
      rng,
      learningRate: (update) =>
        learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, (update - start) / updates))),
    });
    run.history.lastLoss = summarise(losses).mean;
    observer.record("update", { updates: learner.updates, loss: run.history.lastLoss });
  }
}

/** Lets commands near the top compete within what is left of the budget. */
async function selectBest(run: TrainingRun): Promise<{ bestCommand: number; bestReturn: number }> {
  const { config, buffer, spec, counters } = run;
  const affordable = Math.floor((config.steps - spentSteps(run)) / spec.maxEpisodeSteps / 2);
  const count = Math.max(1, Math.min(config.selection.candidates, affordable));
  let field = Array.from({ length: count }, (_, i) => {
    const t = count === 1 ? 0.75 : i / (count - 1);
    const command = buffer.best * (LOWEST_CANDIDATE + t * (HIGHEST_CANDIDATE - LOWEST_CANDIDATE));
    return { command, episodes: [] as Episode[] };
  });
  const fits = () => spentSteps(run) + field.length * spec.maxEpisodeSteps <= config.steps;
  const mean = ({ episodes }: { episodes: Episode[] }) =>
    episodes.length ? summarise(episodes.map((episode) => episode.return)).mean : -Infinity;
  while (fits()) {
    const results = await measureCommands(run, {
      commands: field.map(({ command }) => command),
      episodes: 1,
      purpose: "calibration",
      firstEpisode: 0x4000_0000 + counters.noiseFreeEpisodes,
      account: "noiseFree",
    });
    counters.noiseFreeEpisodes += field.length;
    field.forEach(({ episodes }, i) => episodes.push(...results[i]));
    field.sort((a, b) => mean(b) - mean(a));
    // A pair plays on until the budget ends: more episodes make the better one surer.
    if (field.length > 2) field = field.slice(0, Math.max(2, Math.ceil(field.length / 2)));
    if (field[0].episodes.length >= config.evaluation.finalEpisodes) break;
  }
  const [winner] = field;
  if (winner.episodes.length === 0) {
    return { bestCommand: buffer.best, bestReturn: run.history.bestReturn };
  }
  return { bestCommand: winner.command, bestReturn: mean(winner) };
}

/**
 * Measures the achieved return at commands over the whole range: first on an even grid, then again and
 * again halfway between the two neighbours whose means differ most.
 */
async function measureCurve(run: TrainingRun): Promise<CalibrationPoint[]> {
  const { commands: count, refinements, episodes } = run.config.calibration;
  const top = run.buffer.best * HIGHEST_CANDIDATE;
  const points: CalibrationPoint[] = [];
  const measure = async (commands: readonly number[]): Promise<void> => {
    const results = await measureCommands(run, {
      commands,
      episodes,
      purpose: "calibration",
      firstEpisode: points.length * episodes,
      account: "calibration",
    });
    results.forEach((result, i) => {
      const summary = summarise(result.map((episode) => episode.return));
      points.push({ command: commands[i], ...summary });
    });
    points.sort((a, b) => a.command - b.command);
  };
  await measure(Array.from({ length: count }, (_, i) => top * i / (count - 1)));
  // In groups, so that workers have something to share.
  for (let left = refinements; left > 0; left -= REFINEMENT_GROUP) {
    await measure(steepestMidpoints(points, Math.min(left, REFINEMENT_GROUP)));
  }
  return points;
}

/** Commands halfway between the neighbours whose means differ most, steepest first. */
export function steepestMidpoints(points: readonly CalibrationPoint[], count: number): number[] {
  const gaps = points.slice(1).map((b, i) => {
    const a = points[i];
    return { middle: (a.command + b.command) / 2, rise: Math.abs(b.mean - a.mean) };
  });
  return gaps.sort((a, b) => b.rise - a.rise).slice(0, count).map(({ middle }) => middle);
}
