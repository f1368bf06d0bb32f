/**
 * The one table of algorithms: the method of this program and those that it is compared with.
 *
 * All train a run with the same environments, steps, reports, checkpoints and files. What an algorithm learns
 * is in models/models.ts by the same names; a test keeps `answers` in step with it.
 *
 * When you add an algorithm: its name in lib/config/options.ts, a file here that reads like its pseudocode, a
 * line below, a line in models/models.ts, and the least episodes that it needs in lib/algorithm/budget.ts.
 */

import type { Events } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { train as trainUdrlpg } from "../algorithm/trainer.ts";
import {
  type Config,
  type ConfigLayer,
  flattenConfig,
  type PartialConfig,
} from "../config/config.ts";
import { trainArs } from "./ars.ts";
import { trainDdpg } from "./ddpg.ts";
import { trainGogepo } from "./gogepo.ts";
import { trainTd3 } from "./td3.ts";
import { trainUdrl } from "./udrl.ts";

/** What is known of an algorithm. */
export interface Algorithm {
  /** What it is, for the help: the source comes last. */
  readonly doc: string;
  /** Whether it answers any return, or has one policy whatever is asked for. */
  readonly answers: "any" | "one";
  /** What it changes in a preset's values; budget, reports and calibration stay the preset's. */
  readonly options: PartialConfig;
  /** Trains a run, from wherever it is, to the end of its budget. */
  readonly train: (run: TrainingRun) => Events;
}

/** The widths of the public code (sfujim/TD3). */
const ACTOR_CRITIC: PartialConfig = { policy: { hiddenSizes: [256, 256], activation: "relu" } };

/** Every algorithm by name. */
export const ALGORITHMS: { readonly [A in Config["algorithm"]]: Algorithm } = {
  udrlpg: {
    doc: "A generator of policies learnt by hindsight, this program's method (arXiv 2501.16288)",
    answers: "any",
    options: {},
    train: trainUdrlpg,
  },
  ars: {
    doc:
      "Augmented random search V2-t: a linear policy moved along the best of random directions (arXiv 1803.07055)",
    answers: "one",
    options: { policy: { hiddenSizes: [] } },
    train: trainArs,
  },
  ddpg: {
    doc:
      "Deep deterministic policy gradients: a policy that climbs a critic's value; continuous actions (arXiv 1509.02971)",
    answers: "one",
    options: ACTOR_CRITIC,
    train: trainDdpg,
  },
  td3: {
    doc:
      "Twin delayed ddpg: the lower of two critics, a slower policy, smoothed targets; continuous actions (arXiv 1802.09477)",
    answers: "one",
    options: ACTOR_CRITIC,
    train: trainTd3,
  },
  udrl: {
    doc:
      "Upside-down RL: one policy that is told the return and the time, by supervised learning (arXiv 1912.02877)",
    answers: "any",
    options: { policy: { hiddenSizes: [64, 64] } },
    train: trainUdrl,
  },
  gogepo: {
    doc:
      "A generator of policies that learns from an evaluator with learnt probing states (arXiv 2207.01570)",
    answers: "any",
    options: { policy: { hiddenSizes: [256, 256] } },
    train: trainGogepo,
  },
};

/**
 * Trains a run by the algorithm of its configuration. A run whose last event was "cycle" or "spent" may be left
 * there: training it again goes on from exactly there.
 * @throws {DivergedError} when a number is not finite.
 */
export function train(run: TrainingRun): Events {
  return ALGORITHMS[run.task.config.algorithm].train(run);
}

/**
 * Gives what the algorithm that layers name changes in a preset: a layer of its own, between the preset's and
 * those.
 */
export function algorithmLayer(layers: readonly Pick<ConfigLayer, "values">[]): ConfigLayer {
  const name =
    layers.map(({ values }) => values.get("algorithm")).findLast((value) => value !== undefined) as
      | string
      | undefined ?? "udrlpg";
  const options = Object.hasOwn(ALGORITHMS, name)
    ? ALGORITHMS[name as Config["algorithm"]].options
    : {}; // whoever resolves the layers refuses it
  return { source: `algorithm "${name}"`, values: flattenConfig(options) };
}
