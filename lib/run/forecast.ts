/**
 * How long a run has left: the work that is left, at the speeds that it was seen to go.
 *
 * Training is a mean of very different phases: early episodes are short, so that updates take most of the
 * time, later ones are long; and what follows training (choosing, fitting, measuring, calibrating) may take
 * longer than training itself. So each kind of work has a speed of its own, and the episodes to come are
 * taken to be as long as the last ones, or as long as they may be, the more so the less of the budget is
 * spent. Nobody can foresee that training ends early because nothing is left to learn.
 */

import {
  adaptsNoise,
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

/** Share of the newest episode in the mean length of the last ones. */
const LATEST = 0.1;
/** The first episodes, whose policies are random. */
const FIRST_EPISODES = 10;
/** So many of the last observations tell a speed: fewer forget sooner how slow the first ones were. */
const WINDOW = { episodes: 4, updates: 64 };
/** Episodes are observed together: with workers one is waited for, and others come with it. */
const TOGETHER = 8;
/** Nothing is said before: what runs for the first time is ten times as slow until it is compiled. */
const SILENT = { seconds: 1, budgetShare: 0.05 };
/**
 * Seconds of an update before any was seen: 0.4 to 1.2 ms with the default generator, CartPole to HalfCheetah, on one
 * core in 2026.
 */
const UPDATE_GUESS = 1e-3;
/** The first updates load their graph: later ones take half of their time or less, measured likewise. */
const FIRST_UPDATES = 0.5;

/** What was seen of a kind of work. */
interface Observation {
  readonly seconds: number;
  readonly amount: number;
}

function speedOf({ seconds, amount }: Observation): number {
  return seconds / amount;
}

/** A pause of the machine tells nothing: the slowest of so many observations or more does not count. */
const ENOUGH = 4;

/** Seconds for a unit, by the amount of work in each observation: short episodes tell little. */
function usualSpeed(seen: readonly Observation[]): number {
  const slowest = seen.reduce((a, b) => speedOf(b) > speedOf(a) ? b : a);
  const counted = seen.length < ENOUGH ? seen : seen.filter((one) => one !== slowest);
  return speedOf({
    seconds: counted.reduce((sum, { seconds }) => sum + seconds, 0),
    amount: counted.reduce((sum, { amount }) => sum + amount, 0),
  });
}

interface SpeedOptions {
  /** Observations that are remembered. */
  readonly window: number;
  /** Reports that are one observation; 1 when absent. */
  readonly together?: number;
  /** What the first report counts for until there are others, as a share of its time. */
  readonly first?: number;
}

/**
 * Seconds for a unit of work, by what was seen last. What runs for the first time is slow, so that the first report
 * counts for nothing once there are others.
 */
class Speed {
  readonly #options: SpeedOptions;
  #isStarted = false;
  #provisional: number | undefined;
  /** What is not an observation yet. */
  #open = { seconds: 0, amount: 0, count: 0 };
  readonly #seen: Observation[] = [];

  constructor(options: SpeedOptions) {
    this.#options = options;
  }

  see(seconds: number, amount: number): void {
    if (!(amount > 0)) return;
    if (!this.#isStarted) {
      this.#isStarted = true;
      const { first } = this.#options;
      if (first !== undefined) this.#provisional = first * seconds / amount;
      return;
    }
    const { together = 1, window } = this.#options;
    const open = this.#open;
    open.seconds += seconds;
    open.amount += amount;
    if (++open.count < together) return;
    this.#seen.push(open);
    this.#open = { seconds: 0, amount: 0, count: 0 };
    if (this.#seen.length > window) this.#seen.shift();
  }

  /** Undefined before anything was seen. */
  get secondsPerUnit(): number | undefined {
    return this.#seen.length > 0 ? usualSpeed(this.#seen) : this.#provisional;
  }
}

/** Watches a run and says how long it has left. */
export class Forecast {
  readonly #plan: Plan;
  readonly #rollout = new Speed({ window: WINDOW.episodes, together: TOGETHER });
  #update = new Speed({ window: WINDOW.updates, first: FIRST_UPDATES });
  /** Of saving, in seconds, and the cycles that it came after. */
  readonly #saving = { seconds: 0, cycles: 0 };
  /** Episodes without noise, which workers may share. */
  readonly #noiseFree = new Speed({ window: WINDOW.episodes });
  /** Of training episodes, the last ones most; undefined before the first. */
  #seenLength: number | undefined;
  readonly #firstLengths: number[] = [];
  /** Of the best command's episodes, when it was evaluated last. */
  #evaluatedLength: number | undefined;
  #sweptLength: number | undefined;
  #measuredSteps: number;
  #calibrationSteps = 0;
  /** Of the present generator; undefined where another has just come in its place. */
  #updates: number | undefined = 0;
  #episodes = 0;
  /** Episodes of the last cycle. */
  #rollouts = 1;
  #spent: number;
  readonly #startSteps: number;
  #phase: PhaseEvent | undefined;
  #seconds = 0;

  /** Starts without an opinion. */
  constructor(plan: Plan, run: ForecastRun) {
    this.#plan = plan;
    this.#measuredSteps = measuredSteps(run);
    this.#spent = spentSteps(run);
    this.#startSteps = this.#spent;
  }

  /** Takes an event into account, and the seconds since the one before. */
  see(event: TrainingEvent, { run, seconds }: { run: ForecastRun; seconds: number }): void {
    this.#seconds += seconds;
    this.#spent = spentSteps(run);
    const measured = measuredSteps(run);
    const newlyMeasured = measured - this.#measuredSteps;
    this.#measuredSteps = measured;
    this.#calibrationSteps = run.tally.steps.calibration;
    switch (event.kind) {
      case "episode":
        this.#rollout.see(seconds, event.length);
        this.#episodes = event.episode;
        if (this.#firstLengths.length < FIRST_EPISODES) this.#firstLengths.push(event.length);
        this.#seeLength(event.length);
        return;
      case "part":
        this.#rollout.see(seconds, event.length);
        this.#seeLength(event.length);
        return;
      case "update":
        if (this.#updates !== undefined) {
          this.#update.see(seconds, event.updates - this.#updates);
        }
        this.#updates = event.updates;
        return;
      case "attempt":
        // The updates of another generator cost something else.
        this.#update = new Speed({ window: WINDOW.updates, first: FIRST_UPDATES });
        this.#updates = undefined;
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

  #seeLength(length: number): void {
    this.#seenLength = (1 - LATEST) * (this.#seenLength ?? length) + LATEST * length;
  }

  /** Takes into account what a cycle took besides. */
  seeSaving(seconds: number): void {
    this.#saving.seconds += seconds;
    this.#saving.cycles++;
  }

  #seePhase(
    event: PhaseEvent,
    { seconds, newlyMeasured }: { seconds: number; newlyMeasured: number },
  ): void {
    this.#phase = event;
    if (event.phase !== "fitting" || event.done === 0) this.#noiseFree.see(seconds, newlyMeasured);
  }

  /** Seconds left; undefined at the beginning of a session. */
  get secondsLeft(): number | undefined {
    const rollout = this.#rollout.secondsPerUnit;
    if (rollout === undefined || this.#isSilent()) return undefined;
    const update = this.#update.secondsPerUnit ?? UPDATE_GUESS;
    const noiseFree = this.#noiseFree.secondsPerUnit ?? rollout;
    const training = this.#phase === undefined
      ? this.#trainingSeconds({ update, rollout, noiseFree })
      : 0;
    return training + this.#fittingUpdates() * update +
      (this.#measuringSteps() + this.#stepsAfterTraining()) * noiseFree;
  }

  #isSilent(): boolean {
    const steps = this.#spent - this.#startSteps;
    return this.#seconds < SILENT.seconds ||
      (this.#phase === undefined && steps < SILENT.budgetShare * this.#plan.config.steps);
  }

  #trainingSeconds(
    { update, rollout, noiseFree }: { update: number; rollout: number; noiseFree: number },
  ): number {
    const { config } = this.#plan;
    const steps = Math.max(0, trainingEnd(this.#plan) - this.#spent);
    const length = this.#expectedLength();
    const saving = this.#saving.seconds / Math.max(1, this.#saving.cycles * this.#rollouts);
    const updates = config.algorithm === "udrlpg"
      ? config.update.perCycle / Math.max(1, this.#rollouts)
      : (this.#updates ?? 0) / Math.max(1, this.#episodes);
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

  /** Steps that choice and calibration have left: they share what training leaves, whichever takes it. */
  #stepsAfterTraining(): number {
    const { config, config: { calibration, steps } } = this.#plan;
    const paid = adaptsNoise(config)
      ? steps - Math.max(this.#spent, this.#phase ? 0 : trainingEnd(this.#plan))
      : calibration.budgetShare * steps;
    return Math.max(0, paid - this.#calibrationSteps);
  }

  /** Updates of the fit: of one round, or of as many as have turned out to be needed. */
  #fittingUpdates(): number {
    const { config } = this.#plan;
    const expected = adaptsNoise(config) ? config.consolidation.updates : 0;
    const known = this.#phase?.phase === "fitting" ? this.#phase.total : expected;
    return this.#left("fitting", known);
  }

  #measuringSteps(): number {
    return this.#left("measuring", finalEpisodes(this.#plan) * this.#expectedLength());
  }

  /** What is left of a phase's work: all of it before the phase, none after it. */
  #left(phase: EndPhase, work: number): number {
    if (this.#phase === undefined) return work;
    const { phase: present, done, total } = this.#phase;
    const distance = END_PHASES.indexOf(present) - END_PHASES.indexOf(phase);
    return distance > 0 ? 0 : distance < 0 ? work : work * (1 - done / total);
  }
}

function measuredSteps({ tally: { steps } }: ForecastRun): number {
  return steps.noiseFree + steps.calibration + steps.evaluation;
}
