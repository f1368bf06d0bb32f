/**
 * How long a run has left: the work that is left, at the speeds that it was seen to go.
 *
 * Training is a mean of very different phases: early episodes are short, so that updates take most of the
 * time, later ones are long; and what follows training (choosing, fitting, measuring, calibrating) may take
 * as long as training itself. So each kind of work has a speed of its own, and the episodes to come are
 * taken to be as long as the last ones, or as long as they may be, the more so the less of the budget is
 * spent.
 */

import {
  adaptsNoise,
  choiceEnd,
  finalEpisodes,
  type Plan,
  plannedReports,
  reportEpisodes,
  spentSteps,
  trainingEnd,
} from "../algorithm/budget.ts";
import {
  END_PHASES,
  type EndPhase,
  type PhaseEvent,
  type TrainingEvent,
} from "../algorithm/events.ts";
import { SWEPT_COMMANDS } from "../algorithm/reports.ts";
import type { TrainingRun } from "../algorithm/run.ts";

/** What a forecast looks at in a run. */
export type ForecastRun = Pick<TrainingRun, "tally">;

/** Older observations count this much less with every newer one. */
const DECAY = 0.9;
/** Share of the newest episode in the mean length of the last ones. */
const LATEST = 0.1;
/** The first episodes, whose policies are random. */
const FIRST_EPISODES = 10;
/** A phase after training goes by its own speed once this share of it is done. */
const ENOUGH = 0.1;

/** Seconds for a unit of work, by what was seen last; the first time counts for nothing, as things start. */
class Speed {
  #seconds = 0;
  #amount = 0;
  #isStarted = false;

  see(seconds: number, amount: number): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      return;
    }
    this.#seconds = this.#seconds * DECAY + seconds;
    this.#amount = this.#amount * DECAY + amount;
  }

  /** Undefined before anything was seen. */
  get secondsPerUnit(): number | undefined {
    return this.#amount > 0 ? this.#seconds / this.#amount : undefined;
  }
}

/** Watches a run and says how long it has left. */
export class Forecast {
  readonly #plan: Plan;
  readonly #rollout = new Speed();
  readonly #update = new Speed();
  readonly #saving = new Speed();
  /** Episodes without noise, which workers may share. */
  readonly #noiseFree = new Speed();
  /** Of training episodes, the last ones most; undefined before the first. */
  #seenLength: number | undefined;
  readonly #firstLengths: number[] = [];
  /** Of the best command's episodes, when it was evaluated last. */
  #evaluatedLength: number | undefined;
  #sweptLength: number | undefined;
  #measuredSteps: number;
  #updates = 0;
  #episodes = 0;
  /** Episodes of the last cycle. */
  #rollouts = 1;
  #spent: number;
  #phase: PhaseEvent | undefined;
  #phaseSeconds = 0;

  /** Starts without an opinion. */
  constructor(plan: Plan, run: ForecastRun) {
    this.#plan = plan;
    this.#measuredSteps = measuredSteps(run);
    this.#spent = spentSteps(run);
  }

  /** Takes an event into account, and the seconds since the one before. */
  see(event: TrainingEvent, { run, seconds }: { run: ForecastRun; seconds: number }): void {
    this.#spent = spentSteps(run);
    const measured = measuredSteps(run);
    const newlyMeasured = measured - this.#measuredSteps;
    this.#measuredSteps = measured;
    this.#phaseSeconds += seconds;
    switch (event.kind) {
      case "episode":
        this.#rollout.see(seconds, event.length);
        this.#episodes = event.episode;
        if (this.#firstLengths.length < FIRST_EPISODES) this.#firstLengths.push(event.length);
        this.#seenLength = (1 - LATEST) * (this.#seenLength ?? event.length) +
          LATEST * event.length;
        return;
      case "update":
        this.#update.see(seconds, event.updates - this.#updates);
        this.#updates = event.updates;
        return;
      case "cycle":
        this.#rollouts = run.tally.lastRollouts;
        return;
      case "evaluation":
        if (newlyMeasured === 0) return;
        this.#evaluatedLength = newlyMeasured / reportEpisodes(this.#plan.config);
        return this.#noiseFree.see(seconds, newlyMeasured);
      case "curve":
        if (newlyMeasured === 0) return;
        this.#sweptLength = newlyMeasured /
          (SWEPT_COMMANDS * reportEpisodes(this.#plan.config));
        return this.#noiseFree.see(seconds, newlyMeasured);
      case "phase":
        return this.#seePhase(event, { seconds, newlyMeasured });
      default:
        return;
    }
  }

  /** Takes into account what a cycle took besides. */
  seeSaving(seconds: number): void {
    this.#saving.see(seconds, 1);
  }

  #seePhase(
    event: PhaseEvent,
    { seconds, newlyMeasured }: { seconds: number; newlyMeasured: number },
  ): void {
    if (this.#phase?.phase !== event.phase) this.#phaseSeconds = 0;
    this.#phase = event;
    if (event.phase !== "fitting" && newlyMeasured > 0) this.#noiseFree.see(seconds, newlyMeasured);
  }

  /** Seconds left; undefined before every kind of work that is left has been seen. */
  get secondsLeft(): number | undefined {
    const update = this.#update.secondsPerUnit;
    const rollout = this.#rollout.secondsPerUnit;
    if (update === undefined || rollout === undefined) return undefined;
    const noiseFree = this.#noiseFree.secondsPerUnit ?? rollout;
    const end = this.#endWork();
    const secondsOf: Readonly<Record<EndPhase, number>> = {
      choosing: end.choosing * noiseFree,
      fitting: end.fitting * update,
      measuring: end.measuring * this.#expectedLength() * noiseFree,
      calibrating: end.calibrating * noiseFree,
    };
    if (this.#phase === undefined) {
      return this.#trainingSeconds({ update, rollout, noiseFree }) +
        Object.values(secondsOf).reduce((sum, seconds) => sum + seconds, 0);
    }
    return this.#restOfPhase(secondsOf) + laterPhases(this.#phase.phase)
      .reduce((sum, phase) => sum + secondsOf[phase], 0);
  }

  /** What is left of the present phase, by its own speed where that is known. */
  #restOfPhase(planned: Readonly<Record<EndPhase, number>>): number {
    const { phase, done, total } = this.#phase!;
    const share = total > 0 ? done / total : 1;
    if (share >= ENOUGH) return this.#phaseSeconds * (1 - share) / share;
    return planned[phase] * (1 - share);
  }

  #trainingSeconds(
    { update, rollout, noiseFree }: { update: number; rollout: number; noiseFree: number },
  ): number {
    const { config } = this.#plan;
    const steps = Math.max(0, trainingEnd(this.#plan) - this.#spent);
    const length = this.#expectedLength();
    const saving = (this.#saving.secondsPerUnit ?? 0) / Math.max(1, this.#rollouts);
    const updates = config.algorithm === "udrlpg"
      ? config.update.perCycle
      : this.#updates / Math.max(1, this.#episodes);
    const episode = updates * update + saving;
    const share = steps / config.steps;
    const { evaluations, sweeps } = plannedReports(this.#plan);
    const reported = share * reportEpisodes(config) *
      (evaluations * length + sweeps * SWEPT_COMMANDS * this.#calibrationLength());
    return steps * rollout + steps / length * episode + reported * noiseFree;
  }

  /** The length of training episodes to come. */
  #expectedLength(): number {
    return this.#grown(this.#seenLength ?? this.#plan.spec.maxEpisodeSteps);
  }

  /** The length of episodes over the whole range of commands: between a random policy's and the best's. */
  #calibrationLength(): number {
    if (this.#sweptLength !== undefined) return this.#sweptLength;
    const { maxEpisodeSteps } = this.#plan.spec;
    const best = this.#grown(this.#evaluatedLength ?? this.#seenLength ?? maxEpisodeSteps);
    const first = this.#firstLengths;
    const random = first.reduce((sum, length) => sum + length, 0) / Math.max(1, first.length);
    return ((first.length > 0 ? random : best) + best) / 2;
  }

  /** What a length becomes on the way to the longest, the less the more of the budget is spent. */
  #grown(length: number): number {
    const { config: { steps }, spec: { maxEpisodeSteps } } = this.#plan;
    return length + Math.max(0, 1 - this.#spent / steps) / 2 * (maxEpisodeSteps - length);
  }

  /** Steps, updates and episodes of what follows training. */
  #endWork(): Readonly<Record<EndPhase, number>> {
    const { config } = this.#plan;
    return {
      choosing: choiceEnd(this.#plan) - trainingEnd(this.#plan),
      fitting: adaptsNoise(config) ? config.consolidation.updates : 0,
      measuring: finalEpisodes(this.#plan),
      calibrating: config.calibration.budgetShare * config.steps,
    };
  }
}

const ORDER: readonly EndPhase[] = END_PHASES;

function laterPhases(phase: EndPhase): readonly EndPhase[] {
  return ORDER.slice(ORDER.indexOf(phase) + 1);
}

function measuredSteps({ tally: { steps } }: ForecastRun): number {
  return steps.noiseFree + steps.calibration + steps.evaluation;
}
