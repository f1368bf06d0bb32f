/**
 * How far `distill` is: measuring the archive, a trial for every plan and the run are parts of one whole. Trials take
 * about as long as each other and as the run, since each fits a generator; how long measuring takes depends on the
 * environment, so that nothing is said of what is left before a trial has begun.
 */

import type { Clock } from "../../system/clock.ts";
import type { ProgressState } from "../progress.ts";

/** What a part of the work tells of itself. */
export type PartState = Pick<ProgressState, "done" | "total"> & { readonly phase: string };

/** In the run, fitting takes nearly all of the time. */
const FITTING_SHARE = 0.9;

/** The parts of a distillation. */
export class DistillParts {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #plans: number;
  #trialsMs: number | undefined;

  /** Knows how many plans will be tried. */
  constructor(plans: number, clock: Pick<Clock, "monotonicMs">) {
    this.#plans = plans;
    this.#clock = clock;
  }

  /** Measuring the archive. */
  measuring(state: Omit<PartState, "phase">): ProgressState {
    return this.#show({ phase: "measuring", ...state }, 0, fractionOf(state));
  }

  /** Trying a plan, from 0. */
  trying(plan: number, state: PartState): ProgressState {
    const facts = [["trial", `${plan + 1}/${this.#plans}`]] as const;
    return { ...this.#show(state, 1 + plan, fractionOf(state)), facts };
  }

  /** The run with the best plan. */
  running(state: PartState): ProgressState {
    const shares = { fitting: FITTING_SHARE * fractionOf(state), measuring: FITTING_SHARE };
    const calibrated = FITTING_SHARE + (1 - FITTING_SHARE) * fractionOf(state);
    const phases: Readonly<Record<string, number>> = { ...shares, calibrating: calibrated };
    // What was measured before is told again at first, and takes no time.
    const fraction = phases[state.phase] ?? 0;
    return this.#show(state, 1 + this.#plans, fraction);
  }

  #show(state: PartState, part: number, fraction: number): ProgressState {
    const now = this.#clock.monotonicMs();
    if (part > 0) this.#trialsMs ??= now;
    const share = (part + fraction) / (this.#plans + 2);
    const done = part + fraction - 1;
    const seconds = (now - (this.#trialsMs ?? now)) / 1000;
    const isTelling = done > 0.1;
    const secondsLeft = isTelling ? seconds / done * (this.#plans + 1 - done) : undefined;
    return { ...state, whole: { share, secondsLeft } };
  }
}

function fractionOf({ done, total }: Pick<PartState, "done" | "total">): number {
  return total > 0 ? Math.min(1, done / total) : 1;
}
