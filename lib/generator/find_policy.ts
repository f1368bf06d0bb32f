/**
 * From a wanted return to a policy that was seen to earn it.
 *
 * The calibration turns the return into a command; the policy for it is then run for a number of
 * episodes. With a tolerance the search goes on, within a budget of episodes, until the confidence
 * interval of a candidate's mean lies inside the wanted return +- the tolerance, in more episodes the
 * more candidates were tried. A candidate whose mean is there but whose interval is too wide is run for
 * more, fresh, episodes, if a few are likely to be enough, or more after many candidates: a policy of
 * steadier returns is worth looking for. Otherwise the calibration's next best answers are tried, then
 * other commands by bisection between what is surely too low and what is surely too high. Where commands
 * are exhausted, as at a cliff of the curve, or none reaches the wanted return, two things take turns: a
 * blend of the weights of the nearest policies on either side, which is run until it is surely on one of
 * them itself, and noise of several sizes on the weights of the closest candidate. The closest is the one
 * whose interval reaches least far from the wanted return: a wild policy's mean may lie anywhere.
 *
 * A search is no proof: whoever hands out what it found measures it again (lib/generator/proof.ts).
 */

import { answersFor, type CalibratedCommand } from "./calibration.ts";
import type { EpisodeRunner } from "../episodes/evaluate.ts";
import type { TrainedGenerator } from "./generator_file.ts";
import { nextCommand } from "./next_command.ts";
import { proofSeeds, type SeededReturn, type SeedOf, seedsFrom } from "./proof.ts";
import { streamFor } from "../numbers/streams.ts";
import { type PolicyParameters, toPolicyOrder } from "../policy_space.ts";
import { Trial } from "./trial.ts";

/** The parts of a trained generator that a search needs. */
export type SearchedGenerator = Pick<TrainedGenerator, "calibration" | "normaliser" | "values"> & {
  /** The order of a policy's numbers, and whether there is more than one policy. */
  readonly model: Pick<TrainedGenerator["model"], "order" | "answers">;
  /** The natural size of each number. */
  readonly shape: Pick<TrainedGenerator["shape"], "scale">;
  /** Generates policies from commands. */
  readonly pass: Pick<TrainedGenerator["pass"], "run">;
};

/** What is wanted of `findPolicy`. */
export interface FindOptions {
  /** The wanted mean return. */
  readonly requested: number;
  /** Episodes of one measurement of a candidate. */
  readonly episodes: number;
  /** How far the confidence interval may reach from the requested return; no search without it. */
  readonly tolerance?: number;
  /** Episodes that the whole search may run. */
  readonly episodeBudget: number;
  /** Seed of latents and environments. */
  readonly seed: number;
  /** Gives an episode's seed; from `seed` when absent. */
  readonly seedOf?: SeedOf;
  /** Runs the episodes. */
  readonly runner: Pick<EpisodeRunner, "run">;
  /** Told after each measurement of a candidate. */
  readonly onCandidate?: (candidate: Pick<Trial, "command" | "parameters" | "measured">) => void;
  /** Told after each episode. */
  readonly onEpisode?: () => void;
}

/** A policy that was generated and measured. */
export interface Candidate {
  /** Scaled command that it, or what its weights were made from, was generated for. */
  readonly command: number;
  /** For the generator's normaliser, [P]. */
  readonly parameters: PolicyParameters;
  /** What it returned, and the environment seeds of its episodes. */
  readonly measured: SeededReturn;
  /** The return of each of them. */
  readonly returns: readonly number[];
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

/** The calibration's answers that are tried before the search makes up commands of its own. */
const ANSWERS = 8;
/** Deviations of the noise that is tried then, in units of 1 / sqrt(fan-in) of a weight's layer. */
const NOISE_SHARES = [0.05, 0.2, 1, 4, 0.1, 0.5, 2, 0.02];
/** Deviation of the place of a blend on the way between two policies, so that none is tried twice. */
const BLEND_DEVIATION = 0.15;
/** No blend comes closer than this share of the way to what it is made of. */
const BLEND_MARGIN = 0.05;
/** Measurements after which a blend is left where it may still be on either side. */
const BLEND_PATIENCE = 10;
/** Measurements that making one candidate sure is worth, for every candidate that was tried. */
const PATIENCE = 3;

/**
 * Generates and measures policies for a wanted return. The n-th episode of every candidate has the same
 * seed, so candidates are compared on equal terms.
 */
export function findPolicy(
  generator: SearchedGenerator,
  options: FindOptions,
): Promise<FoundPolicy> {
  return new PolicySearch(generator, options).run();
}

/** A search: which policies it has tried, and what it runs next. */
class PolicySearch {
  readonly #generator: SearchedGenerator;
  readonly #options: FindOptions;
  /** The calibration's first answer. */
  readonly #start: CalibratedCommand;
  /** Commands of its other answers; none where it says that the return is out of reach. */
  readonly #untried: number[];
  readonly #trials: Trial[] = [];
  #spent = 0;
  #perturbations = 0;
  /** The present blend, which goes on until it is surely on one side. */
  #blended: Trial | undefined;

  constructor(generator: SearchedGenerator, options: FindOptions) {
    this.#generator = generator;
    this.#options = options;
    const [start, ...others] = answersFor(generator.calibration, options.requested)
      .slice(0, ANSWERS);
    this.#start = start;
    this.#untried = start.within ? others.map(({ command }) => command) : [];
  }

  async run(): Promise<FoundPolicy> {
    const { episodes, episodeBudget } = this.#options;
    await this.#measure(await this.#generate(this.#start.command));
    while (!this.#trials.some(this.#accepts) && this.#spent + episodes <= episodeBudget) {
      const next = await this.#next();
      if (next === undefined) break;
      await this.#measure(next);
    }
    const accepted = this.#trials.filter(this.#accepts);
    const best = this.#closest(accepted.length > 0 ? accepted : this.#trials);
    return {
      ...this.#candidateOf(best),
      start: this.#start,
      accepted: accepted.length > 0,
      episodes: this.#spent,
    };
  }

  /**
   * Chooses what is run next: the candidate that is nearly sure, else a new command, else a policy made
   * from those that were tried, blends and noise in turn. A single policy is left at that: undefined.
   */
  async #next(): Promise<Trial | undefined> {
    const surest = this.#trials.reduce((a, b) => this.#lacking(b) < this.#lacking(a) ? b : a);
    if (this.#lacking(surest) <= this.#affordable()) return surest;
    if (this.#generator.model.answers === "one") return undefined;
    const command = this.#untried.shift() ?? this.#commandBetween();
    if (command !== undefined) return await this.#generate(command);
    if (this.#blended && this.#isOpen(this.#blended)) return this.#blended;
    this.#blended = this.#trials.length % 2 === 1 ? this.#blend() : undefined;
    return this.#blended ?? this.#perturb(this.#closest(this.#trials));
  }

  /** Runs the next episodes of a trial: the first ones of a new trial, more of a known one. */
  async #measure(trial: Trial): Promise<void> {
    const { episodes, runner, onCandidate, onEpisode } = this.#options;
    const seeds = this.#seeds(trial.count, episodes);
    if (trial.count === 0) this.#trials.push(trial);
    const jobs = [{ parameters: trial.parameters, seeds }];
    const told = onEpisode ? { onEpisode } : {};
    trial.add((await runner.run(jobs, this.#generator.normaliser, told))[0]);
    this.#spent += episodes;
    onCandidate?.(trial);
  }

  async #generate(command: number): Promise<Trial> {
    const { pass, values, model } = this.#generator;
    const rng = streamFor(this.#options.seed, "latent", this.#spent);
    const [row] = await pass.run(values, { commands: [command], rng });
    return new Trial({ command, parameters: toPolicyOrder(model, row), isGenerated: true });
  }

  /** Adds noise to a policy's weights, of the next of several sizes. */
  #perturb({ command, parameters }: Trial): Trial {
    const rng = streamFor(this.#options.seed, "noise", this.#spent);
    const { scale } = this.#generator.shape;
    const share = NOISE_SHARES[this.#perturbations++ % NOISE_SHARES.length];
    const moved = parameters.map((x, i) => x + share * scale[i] * rng.standardNormal());
    return new Trial({
      command,
      parameters: moved as PolicyParameters,
      isGenerated: false,
    });
  }

  /** Blends the nearest policies on either side, about where the return lies between their means. */
  #blend(): Trial | undefined {
    const { requested, seed } = this.#options;
    const [low, high] = [this.#nearestOn(-1), this.#nearestOn(1)];
    if (!low || !high) return undefined;
    const rng = streamFor(seed, "noise", this.#spent);
    const { mean: from } = low.measured;
    const straight = (requested - from) / (high.measured.mean - from);
    const drawn = straight + BLEND_DEVIATION * rng.standardNormal();
    const share = Math.min(1 - BLEND_MARGIN, Math.max(BLEND_MARGIN, drawn));
    return new Trial({
      command: (share < 0.5 ? low : high).command,
      parameters: low.parameters.map((x, i) =>
        x + share * (high.parameters[i] - x)
      ) as PolicyParameters,
      isGenerated: false,
    });
  }

  #commandBetween(): number | undefined {
    if (!this.#start.within) return undefined;
    const { requested } = this.#options;
    const { points } = this.#generator.calibration;
    return nextCommand(this.#trials, { requested, points });
  }

  #nearestOn(side: -1 | 1): Trial | undefined {
    const { requested } = this.#options;
    const there = this.#trials.filter((trial) => trial.side(requested) === side);
    const miss = ({ measured: { mean } }: Trial) => Math.abs(mean - requested);
    return there.sort((a, b) => miss(a) - miss(b))[0];
  }

  #closest(among: readonly Trial[]): Trial {
    const { requested } = this.#options;
    return among.reduce((a, b) => (b.reach(requested) < a.reach(requested) ? b : a));
  }

  /** Tells whether a blend may still be on either side, and is worth finding out about. */
  #isOpen(trial: Trial): boolean {
    const { requested, episodes } = this.#options;
    return trial.side(requested) === 0 && trial.count < BLEND_PATIENCE * episodes;
  }

  #accepts = (trial: Trial): boolean =>
    this.#options.tolerance === undefined || this.#lacking(trial) === 0;

  /** Episodes that a trial needs until it is sure. */
  #lacking(trial: Trial): number {
    const measurements = confirmations(this.#trials.length);
    return trial.missing(this.#options, measurements * this.#options.episodes);
  }

  /** Episodes that making one candidate sure may take. */
  #affordable(): number {
    const { episodes, episodeBudget } = this.#options;
    return Math.min(PATIENCE * episodes * this.#trials.length, episodeBudget - this.#spent);
  }

  #candidateOf({ command, parameters, measured, returns }: Trial): Candidate {
    const seeds = this.#seeds(0, returns.length);
    return { command, parameters, measured: { ...measured, seeds }, returns };
  }

  #seeds(first: number, count: number): number[] {
    const { tolerance, seed, seedOf = seedsFrom(seed) } = this.#options;
    // Nothing is chosen by the measurement of the one policy that there is: it is a proof.
    if (tolerance === undefined) return proofSeeds(seedOf, count);
    return Array.from({ length: count }, (_, i) => seedOf("verification", first + i + 1));
  }
}

/**
 * Gives the measurements that a candidate must be sure in. Of many candidates one looks steady by luck:
 * what falls in one of ten episodes does so in none of the first ten every third time.
 */
function confirmations(candidates: number): number {
  return 2 + Math.floor(Math.log2(candidates));
}
