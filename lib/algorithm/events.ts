/**
 * What a run tells while it trains. Events flow down: the trainer yields them, lib/run/ writes them and saves
 * at the two places where a run may be left and taken up again, "cycle" and "spent".
 */

import type { Calibration, CalibrationPoint } from "../generator/calibration.ts";
import type { MeasuredReturn } from "../episodes/evaluate.ts";
import type { Summary } from "../numbers/statistics.ts";

/** A training episode has been run, warm-up included. */
export interface EpisodeEvent {
  /** Tells the events apart. */
  readonly kind: "episode";
  /** Counts from 1. */
  readonly episode: number;
  /** Sum of rewards, survival bonus included. */
  readonly return: number;
  /** Simulated steps. */
  readonly length: number;
  /** The stored return on the scale of commands. */
  readonly scaledReturn: number;
  /** False when the buffer turned the policy away. */
  readonly stored: boolean;
}

/** The first part of a training episode has been run: who is better among siblings is known. It is no record. */
export interface PartEvent {
  /** Tells the events apart. */
  readonly kind: "part";
  /** Simulated steps. */
  readonly length: number;
}

/** The generator has been updated. */
export interface UpdateEvent {
  /** Tells the events apart. */
  readonly kind: "update";
  /** Updates so far. */
  readonly updates: number;
  /** Mean loss of these updates. */
  readonly loss: number;
}

/** The best command has been measured without noise. */
export interface EvaluationEvent extends MeasuredReturn {
  /** Tells the events apart. */
  readonly kind: "evaluation";
  /** The last one of a run. */
  readonly final?: true;
  /** The scaled command measured. */
  readonly command: number;
  /** The returns that the commands 0 and 1 stand for; absent in the last one. */
  readonly range?: readonly [number, number];
  /** Number of stored policies by command, see `countOccupancy`; absent in the last one. */
  readonly occupancy?: readonly number[];
}

/** Commands over the whole range have been measured. */
export interface CurveEvent {
  /** Tells the events apart. */
  readonly kind: "curve";
  /** The curve that requests are answered through. */
  readonly final?: true;
  /** The returns that the commands 0 and 1 stand for. */
  readonly range: readonly [number, number];
  /** By command, from the lowest. */
  readonly points: readonly CalibrationPoint[];
  /** How the rehearsed requests were met, in the order in which they were asked; in the last one alone. */
  readonly asked?: readonly AskedReturn[];
}

/** A return that was asked for, and what the answer returned before anything was learnt from it. */
export interface AskedReturn extends Summary {
  /** The return. */
  readonly requested: number;
  /** The scaled command that answered. */
  readonly command: number;
}

/** Policies of another kind are trained from now on: see lib/algorithm/attempts.ts. */
export interface AttemptEvent {
  /** Tells the events apart. */
  readonly kind: "attempt";
  /** Widths of their hidden layers; none where they are linear. */
  readonly hiddenSizes: readonly number[];
  /** What they return so far, in the mean of late cycles; null where they begin. */
  readonly return: number | null;
  /** What those of the other kind return; null where they had no whole cycle. */
  readonly beside: number | null;
}

/** What follows training, in this order. */
export const END_PHASES = ["choosing", "fitting", "measuring", "calibrating"] as const;
/** One of the phases that follow training. */
export type EndPhase = (typeof END_PHASES)[number];

/** How far a phase after training is: calibrating in steps, fitting in updates, the others in measurements. */
export interface PhaseEvent {
  /** Tells the events apart. */
  readonly kind: "phase";
  /** The phase. */
  readonly phase: EndPhase;
  /** What is done of it. */
  readonly done: number;
  /** What there is to do. */
  readonly total: number;
}

/** Something for the metrics of a run. */
export type RecordEvent =
  | EpisodeEvent
  | UpdateEvent
  | EvaluationEvent
  | CurveEvent
  | AttemptEvent;

/** How a finished run ended. */
export interface TrainingOutcome {
  /** Which command earns which return, and the best command. */
  readonly calibration: Calibration;
  /** The best command's return over fresh episodes. */
  readonly finalReturn: MeasuredReturn;
}

/**
 * Everything that a run tells: its records; how far what follows training is; "cycle" where a cycle or a warm-up episode is complete and the
 * state is whole; "spent" where the budget is, from where the end can be done and done again; "end" last.
 */
export type TrainingEvent =
  | RecordEvent
  | PartEvent
  | PhaseEvent
  | { readonly kind: "cycle" }
  | { readonly kind: "spent" }
  | { readonly kind: "end"; readonly outcome: TrainingOutcome };

/** Tells records from the other events. */
export function isRecord(event: TrainingEvent): event is RecordEvent {
  return event.kind !== "cycle" && event.kind !== "spent" && event.kind !== "end" &&
    event.kind !== "phase" && event.kind !== "part";
}

/** Events of a part of the run, and what the part gives. */
export type Events<E extends TrainingEvent = TrainingEvent, R = void> = AsyncGenerator<E, R, void>;
