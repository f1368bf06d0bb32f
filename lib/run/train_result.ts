/** What a training session ends with. */

import { spentSteps } from "../algorithm/budget.ts";
import type { StepCounts, Tally, TrainingRun } from "../algorithm/run.ts";
import type { Config } from "../config/config.ts";
import type { MeasuredReturn } from "../episodes/evaluate.ts";
import { confidence95 } from "../numbers/statistics.ts";
import type { SessionOptions } from "../onnx/session.ts";
import type { RunEnd } from "./checkpoint/run_checkpoint.ts";
import type { SecondsByPurpose } from "./pace.ts";
import type { Profile, ProfileSeconds } from "./profile.ts";

/** How a session ended, under the keys that scripts rely on. */
export interface TrainResult {
  /** Environment id. */
  readonly env: string;
  /** What learnt. */
  readonly algorithm: Config["algorithm"];
  /** Preset that the configuration came from. */
  readonly preset: string;
  /** Seed of the run. */
  readonly seed: number;
  /** Simulated steps that the budget paid for; of a session that was stopped, those that are saved. */
  readonly steps: number;
  /** Training episodes. */
  readonly episodes: number;
  /** Training episodes of which only the first part was run. */
  readonly parts: number;
  /** Gradient updates of the generator that is left. */
  readonly updates: number;
  /** Widths of the policies' hidden layers at the end: a run may try two kinds. */
  readonly hiddenSizes: readonly number[];
  /** Path of the run folder. */
  readonly run: string;
  /** Highest return of any training episode. */
  readonly bestReturn: number;
  /** Absent when the session was stopped before the end. */
  readonly finalReturn?: MeasuredReturn;
  /** Duration of this session. */
  readonly wallSeconds: number;
  /** Device of the updates. */
  readonly device: string;
  /** Simulated steps by purpose. */
  readonly stepsByPurpose: StepCounts;
  /** False when the session was stopped before the end. */
  readonly finished: boolean;
  /** Where the time of this session went. */
  readonly secondsByPurpose: SecondsByPurpose;
  /** The same by parts of the program, when it was asked for. */
  readonly profile?: ProfileSeconds;
}

/** What is told of the session itself. */
export interface Ended {
  /** Path of the run folder. */
  readonly folder: string;
  /** Preset that the configuration came from. */
  readonly preset: string;
  /** Device of the updates. */
  readonly session: SessionOptions;
  /** Timed the parts, when that was asked for. */
  readonly profile?: Profile;
}

/** Sums up a session. */
export function resultOf(
  run: TrainingRun,
  end: RunEnd | undefined,
  { context, savedSteps, seconds, secondsByPurpose }: {
    context: Ended;
    savedSteps: number;
    seconds: number;
    secondsByPurpose: SecondsByPurpose;
  },
): TrainResult {
  const { task: { config }, tools: { learner }, history } = run;
  const tally: Tally = end?.counters ?? run.tally;
  const { profile } = context;
  return {
    env: config.env,
    algorithm: config.algorithm,
    preset: context.preset,
    seed: config.seed,
    // An environment may have been too slow to get to the end of the cycle: that is not saved.
    steps: end ? spentSteps({ tally }) : savedSteps,
    episodes: tally.episodes,
    parts: tally.parts,
    updates: end?.updates ?? learner.updates,
    hiddenSizes: config.policy.hiddenSizes,
    run: context.folder,
    bestReturn: history.bestReturn,
    ...(end ? { finalReturn: { ...end.finalReturn, ci95: confidence95(end.finalReturn) } } : {}),
    wallSeconds: seconds,
    device: context.session.device ?? "cpu",
    stepsByPurpose: tally.steps,
    secondsByPurpose,
    finished: end !== undefined,
    ...(profile ? { profile: profile.seconds } : {}),
  };
}
