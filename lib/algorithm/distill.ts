/**
 * An archive of policies becomes a generator: a run that begins with them (start.ts), in a budget that is all
 * measuring. Which line through them and which fit serve requests better is found by trying (`tryPlan`).
 */

import type { Config } from "../config/config.ts";
import { asManySteps } from "../episodes/evaluate.ts";
import { risingFit } from "../numbers/isotonic.ts";
import { summarise } from "../numbers/statistics.ts";
import type { PhaseEvent } from "./events.ts";
import type { MeasuredPolicies, Start } from "./given.ts";
import { meanGap } from "./line.ts";
import { measureCommands } from "./measure.ts";
import { createRun, type RunParts } from "./run.ts";
import { adopt, fit } from "./start.ts";

/** What a generator can be fitted to; the configuration's `update.loss`. */
export const FITS = ["weights", "function"] as const;
/** One of them. */
export type Fit = (typeof FITS)[number];

/** How a generator is made of an archive. */
export interface Plan {
  /** What it is fitted to. */
  readonly fit: Fit;
  /** Which way the policies make. */
  readonly order: Start["order"];
}

/** Commands of a trial. */
const TRIAL_COMMANDS = 21;
/** Episodes of each, more where they are short: returns of middling policies vary much. */
const TRIAL_EPISODES = 3;

/** How well a generator that was fitted to an archive serves, in shares of the archive's range. */
export interface Served {
  /** How far requests all over the range are from what it has to offer, on average. */
  readonly miss: number;
  /** How far its best is below the archive's. */
  readonly shortfall: number;
}

/**
 * Fits a generator to an archive and measures how well it serves. The episodes come on top of the budget.
 * @param config of a run that begins with nothing
 */
export async function tryPlan(
  config: Config,
  parts: RunParts,
  { archive, order, onPhase }: {
    readonly archive: MeasuredPolicies;
    readonly order: Plan["order"];
    /** Told how far the fit is. */
    readonly onPhase: (event: PhaseEvent) => void;
  },
): Promise<Served> {
  const run = createRun(config, parts);
  try {
    for await (const event of fit(run, adopt(run, archive, order))) {
      if (event.kind === "phase") onPhase(event);
    }
    const { floor, goal } = run.experience;
    const results = await measureCommands(
      run,
      Array.from({ length: TRIAL_COMMANDS }, (_, i) => i / (TRIAL_COMMANDS - 1)),
      {
        episodes: asManySteps(run.task.spec, TRIAL_EPISODES),
        purpose: "choice",
        firstEpisode: 0,
        account: "noiseFree",
        paired: true,
      },
    );
    const means = results.map((episodes) => summarise(episodes.map((one) => one.return)).mean);
    // What falls again is met by luck.
    const range = goal - floor || 1;
    return {
      miss: meanGap(risingFit(means), [floor, goal]) / range,
      shortfall: Math.max(0, goal - means[means.length - 1]) / range,
    };
  } finally {
    await run.tools.learner.close();
  }
}
