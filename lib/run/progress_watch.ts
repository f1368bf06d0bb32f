/** How far a run is: its phase by name, what is done of it, and how long everything that is left will take. */

import { isWarm, spentSteps, trainingEnd, warmupEpisodes } from "../algorithm/budget.ts";
import type { EndPhase, PhaseEvent, TrainingEvent } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import type { MeasuredReturn } from "../episodes/evaluate.ts";
import { Forecast } from "./forecast.ts";
import { type Pace, purposeOf } from "./pace.ts";

/** What a run is doing: warm-up and training, then what follows it. */
export type PhaseName = "warm-up" | "training" | EndPhase;

/** How far a run is. */
export interface Progress {
  /** What it is doing. */
  readonly phase: PhaseName;
  /** What is done of the phase: episodes, steps, updates or measurements. */
  readonly done: number;
  /** What there is to do of it. */
  readonly total: number;
  /** Share of the whole run that is over, by time; undefined before anybody can tell. */
  readonly share: number | undefined;
  /** Seconds that the run has left; undefined before anybody can tell. */
  readonly secondsLeft: number | undefined;
  /** Simulated steps that the budget paid for so far. */
  readonly steps: number;
  /** Steps that may be simulated in all. */
  readonly budget: number;
  /** Training episodes so far. */
  readonly episodes: number;
  /** Gradient updates so far. */
  readonly updates: number;
  /** Highest return of any training episode. */
  readonly bestReturn: number;
  /** Return of the last training episode. */
  readonly lastReturn: number;
  /** The last reported evaluation, if there was one. */
  readonly lastEvaluation: MeasuredReturn | undefined;
  /** Number of stored policies. */
  readonly bufferFill: number;
  /** Mean loss of the last cycle. */
  readonly loss: number;
}

/** Watches the events of a run and tells how far it is. */
export class ProgressWatch {
  readonly #run: TrainingRun;
  readonly #pace: Pace;
  readonly #forecast: Forecast;
  /** Steps of earlier sessions. */
  readonly #startSteps: number;
  #seconds = 0;
  #phase: PhaseEvent | undefined;

  /** Starts where the run is. */
  constructor(run: TrainingRun, pace: Pace) {
    this.#run = run;
    this.#pace = pace;
    this.#forecast = new Forecast(run.task, run);
    this.#startSteps = spentSteps(run);
    this.#seconds = pace.book("saving");
  }

  /** Takes an event into account, at the time at which it comes. */
  see(event: TrainingEvent): void {
    const seconds = this.#pace.book(purposeOf(event));
    this.#seconds += seconds;
    this.#forecast.see(event, { run: this.#run, seconds });
    if (event.kind === "phase") this.#phase = event;
  }

  /** Takes into account what a cycle took besides the trainer's work. */
  seeSaving(): void {
    const seconds = this.#pace.book("saving");
    this.#seconds += seconds;
    this.#forecast.seeSaving(seconds);
  }

  /** How far the run is. */
  get progress(): Progress {
    const { task: { config }, tools: { learner }, experience, tally, history } = this.#run;
    const { secondsLeft } = this.#forecast;
    return {
      ...this.#phaseNow(),
      secondsLeft,
      share: secondsLeft === undefined ? undefined : this.#shareWith(secondsLeft),
      steps: spentSteps(this.#run),
      budget: config.steps,
      episodes: tally.episodes,
      updates: learner.updates,
      bestReturn: history.bestReturn,
      lastReturn: history.lastReturn,
      lastEvaluation: history.evaluations.at(-1)?.measured,
      bufferFill: experience.buffer.size,
      loss: history.lastLoss,
    };
  }

  #phaseNow(): Pick<Progress, "phase" | "done" | "total"> {
    if (this.#phase) return this.#phase;
    const { task, tally } = this.#run;
    if (!isWarm(this.#run)) {
      const total = warmupEpisodes(task.config);
      return { phase: "warm-up", done: Math.min(tally.episodes, total), total };
    }
    const total = Math.floor(trainingEnd(task));
    return { phase: "training", done: Math.min(spentSteps(this.#run), total), total };
  }

  /** Earlier sessions count as if they had gone as fast as this one. */
  #shareWith(secondsLeft: number): number {
    const own = Math.max(1, spentSteps(this.#run) - this.#startSteps);
    const passed = this.#seconds * (1 + this.#startSteps / own);
    return passed / (passed + secondsLeft);
  }
}
