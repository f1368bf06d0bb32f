/**
 * Upside-down reinforcement learning (Schmidhuber 2019, arXiv 1912.02875; Srivastava et al. 2019, arXiv
 * 1912.02877, algorithms 1 and 2): a policy that is told which return to earn within which time.
 *
 *     run episodes of random actions; keep the best episodes
 *     repeat until the budget is spent
 *       fit B(observation, return to go, time to go) to the action taken, at random steps of kept episodes
 *       choose what to ask for: the mean length of the best few episodes, and a return between their mean and
 *         one deviation above it
 *       run episodes by B with noise, in which what was earned and the time that has passed are taken off
 *
 * Differences from the papers; numbers are those of common public implementations:
 *  1. What is wanted enters B's first layer beside the observation, and does not gate its units: held still, it
 *     only moves biases (models/conditioned_policy.ts). What `generate` hands out holds it still, since a policy
 *     file knows neither time nor reward; so do reports. Training episodes count it down.
 *  2. Actions are continuous, too: the squared error of tanh, and noise N(0, 0.2) in half ranges. Of discrete ones
 *     the likeliest is taken, or a random one time in five; they are fitted by the softmax's squared error, which
 *     has the same best answer as the cross entropy.
 *  3. Observations are normalised by their running mean and deviation. Returns to go are on the scale of the
 *     environment's range, times to go in shares of the time limit.
 */

import { applyPerceptron, type Perceptron, perceptronWeights } from "../autodiff/perceptron.ts";
import { mean, softmax, square, sub, tanh } from "../autodiff/tensor.ts";
import { affordableEpisodes, trainingEnd } from "../algorithm/budget.ts";
import type { EpisodeEvent, Events, UpdateEvent } from "../algorithm/events.ts";
import { beginCycle, type CycleContext, endCycle } from "../algorithm/measure.ts";
import { currentNormaliser, type TrainingRun } from "../algorithm/run.ts";
import { finish } from "../algorithm/trainer.ts";
import { Fitter } from "../learner/fitter.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { BestEpisodes, layOutEpisode } from "./best_episodes.ts";
import { trainByCycles } from "./cycles.ts";
import { actionRange, bookEpisode, drawAction, runSteps } from "./episodes.ts";

const WARMUP_EPISODES = 50;
const EPISODES_PER_CYCLE = 15;
const UPDATES_PER_CYCLE = 100;
const BATCH_SIZE = 256;
const KEPT_EPISODES = 700;
/** Episodes that say what to ask for. */
const BEST_FEW = 50;
const LEARNING_RATE = 1e-3;
/** Deviation of the noise on continuous actions, in half ranges; chance of a random discrete action. */
const EXPLORATION = 0.2;

/** Trains a run by udrl; see `train` in lib/rivals/algorithms.ts. */
export function trainUdrl(run: TrainingRun): Events {
  const learner = new UpsideDown(run);
  return trainByCycles(run, {
    async *cycle() {
      if (learner.isWarm) yield await learner.fit();
      yield* learner.collect();
    },
    close: () => learner.close(),
    finish,
  });
}

/** The conditioned policy of a run and the episodes that it learns from. */
class UpsideDown {
  readonly #run: TrainingRun;
  readonly #episodes: BestEpisodes;
  readonly #fitter: Fitter;
  /** Inputs of an update: [B, S + 2], and the actions taken as targets, [B, A]. */
  readonly #inputs: Float32Array;
  readonly #taken: Float32Array;
  readonly #encoded = new Float32Array(1);

  constructor(run: TrainingRun) {
    const { task: { shape }, tools: { learner }, kept } = run;
    const { sizes, activation, actions } = shape;
    const [S, A] = [sizes[0], sizes[sizes.length - 1]];
    const perceptron: Perceptron = {
      name: "policy",
      sizes: [S + 2, ...sizes.slice(1)],
      activation,
    };
    this.#run = run;
    this.#episodes = new BestEpisodes({ observation: S, action: A }, { capacity: KEPT_EPISODES });
    this.#episodes.keepIn(kept, "episodes");
    const { weights } = learner.state;
    this.#fitter = new Fitter({
      weights: perceptronWeights(perceptron),
      inputs: { inputs: ["B", S + 2], taken: ["B", A] },
      loss(tensors) {
        const outputs = applyPerceptron(perceptron, tensors, tensors.inputs); // [B, A]
        const acted = actions === "box" ? tanh(outputs) : softmax(outputs, 1);
        return mean(square(sub(acted, tensors.taken)));
      },
      learningRate: LEARNING_RATE,
      threads: 1,
    }, weights.subarray(0, weights.length - 2));
    this.#fitter.keepIn(kept, "policy");
    this.#inputs = new Float32Array(BATCH_SIZE * (S + 2));
    this.#taken = new Float32Array(BATCH_SIZE * A);
  }

  /** Whether enough random episodes have been run. */
  get isWarm(): boolean {
    return this.#run.tally.episodes >= WARMUP_EPISODES;
  }

  /** Fits the policy to what was done in kept episodes. */
  async fit(): Promise<UpdateEvent> {
    const { task: { config, spec }, tools: { learner }, tally, history } = this.#run;
    const { maxEpisodeSteps } = spec;
    const rng = streamFor(config.seed, "batch", tally.cycles);
    const { mean: shift, deviation } = currentNormaliser(this.#run);
    const [S, A] = [shift.length, this.#taken.length / BATCH_SIZE];
    const feeds = {
      inputs: { data: this.#inputs, shape: [BATCH_SIZE, S + 2] },
      taken: { data: this.#taken, shape: [BATCH_SIZE, A] },
    };
    let sum = 0;
    for (let k = 0; k < UPDATES_PER_CYCLE; k++) {
      for (let row = 0; row < BATCH_SIZE; row++) {
        const input = this.#inputs.subarray(row * (S + 2), (row + 1) * (S + 2));
        this.#episodes.drawStep(rng, {
          input,
          taken: this.#taken.subarray(row * A, (row + 1) * A),
        });
        for (let i = 0; i < S; i++) input[i] = (input[i] - shift[i]) / deviation[i];
        input[S] = this.#encode(this.#onScale(input[S]));
        input[S + 1] = this.#encode(input[S + 1] / maxEpisodeSteps);
      }
      sum += await this.#fitter.step(feeds);
    }
    const loss = sum / UPDATES_PER_CYCLE;
    history.lastLoss = loss;
    const updates = learner.updates + UPDATES_PER_CYCLE;
    learner.restore({ ...learner.state, weights: this.#weights(), updates });
    return { kind: "update", updates, loss };
  }

  /** Runs the episodes of a cycle: random actions at first, then by what the best few did. */
  async *collect(): Events<EpisodeEvent> {
    const run = this.#run;
    const { task: { config }, tally } = run;
    const cycle = beginCycle(run);
    const isWarm = this.isWarm;
    const count = isWarm ? EPISODES_PER_CYCLE : WARMUP_EPISODES;
    const rng = streamFor(config.seed, "choice", tally.cycles);
    for (let i = 0; i < count; i++) {
      if (affordableEpisodes(run, { end: trainingEnd(run.task) }) < 1) break;
      const asked = isWarm ? this.#ask(rng.random()) : undefined;
      yield await this.#runEpisode(cycle, asked);
    }
    endCycle(run, cycle);
    run.experience.goal = this.#onScale(this.#ask(0.5).return);
    const { learner } = run.tools;
    learner.restore({ ...learner.state, weights: this.#weights() });
  }

  async close(): Promise<void> {
    await this.#fitter.close();
  }

  /** What to ask for: the mean length of the best few, and a return from their mean to a deviation above it. */
  #ask(place: number): { return: number; steps: number } {
    const best = this.#episodes.best(BEST_FEW);
    const returns = summarise(best.map((episode) => episode.return));
    const steps = summarise(best.map(({ length }) => length)).mean;
    return { return: returns.mean + place * returns.std, steps };
  }

  /** Runs an episode that counts down what is asked for, or one of random actions, and keeps it. */
  async #runEpisode(
    { normaliser, seen }: CycleContext,
    asked: { return: number; steps: number } | undefined,
  ): Promise<EpisodeEvent> {
    const run = this.#run;
    const { task: { config, shape, spec }, tools: { policy }, tally } = run;
    const { halfRange, centre } = actionRange(run);
    const rng = streamFor(config.seed, "noise", tally.episodes);
    const told = new Float32Array(shape.parameterCount) as PolicyParameters;
    const steps: Parameters<typeof layOutEpisode>[0][number][] = [];
    policy.normalise(normaliser);
    const episode = await runSteps(run, {
      start: tally.starts,
      moments: seen,
      act: async (observation, action, { passed, earned }) => {
        const isDiscrete = shape.actions === "discrete";
        if (!asked || (isDiscrete && rng.random() < EXPLORATION)) {
          return drawAction(run, rng, action);
        }
        const wanted = this.#encode(this.#onScale(asked.return - earned));
        const horizon = this.#encode(Math.max(1, asked.steps - passed) / spec.maxEpisodeSteps);
        tellPolicy(this.#fitter.weights, { sizes: shape.sizes, wanted, horizon, out: told });
        policy.load(told);
        await policy.act(observation, action);
        if (isDiscrete) return;
        action.forEach((value, i) => {
          const [low, high] = [centre[i] - halfRange[i], centre[i] + halfRange[i]];
          const moved = value + EXPLORATION * halfRange[i] * rng.standardNormal();
          action[i] = Math.min(high, Math.max(low, moved));
        });
      },
      see: ({ before, action, reward }) => {
        const taken = shape.actions === "box"
          ? Float32Array.from(action, (value, i) => (value - centre[i]) / halfRange[i])
          : Float32Array.from(
            { length: shape.sizes[shape.sizes.length - 1] },
            (_, i) => i === action[0] ? 1 : 0,
          );
        steps.push({ observation: Float32Array.from(before), taken, reward });
      },
    });
    this.#episodes.add(layOutEpisode(steps));
    return bookEpisode(run, episode);
  }

  /** Makes an input of a share: of the range of returns, or of the time limit. */
  #encode(share: number): number {
    this.#run.tools.model.encodeCommand(share, this.#encoded);
    return this.#encoded[0];
  }

  #onScale(amount: number): number {
    const [low, high] = this.#run.task.scale.range!;
    return (amount - low) / (high - low);
  }

  /** The perceptron's weights, and the line from commands to horizons through the kept episodes. */
  #weights(): Float32Array {
    const points = this.#episodes.best(KEPT_EPISODES).map((episode) => ({
      x: this.#encode(this.#onScale(episode.return)),
      y: this.#encode(episode.length / this.#run.task.spec.maxEpisodeSteps),
    }));
    return Float32Array.from([...this.#fitter.weights, ...fitLine(points)]);
  }
}

/**
 * Writes the policy that a conditioned policy is while something is wanted, in policy order, [P].
 * @param weights perceptron on [S + 2] inputs, of which the last two are what is wanted and the horizon
 */
export function tellPolicy(
  weights: Float32Array,
  { sizes: [S, width], wanted, horizon, out }: {
    readonly sizes: readonly number[];
    readonly wanted: number;
    readonly horizon: number;
    readonly out: Float32Array;
  },
): void {
  for (let unit = 0; unit < width; unit++) {
    const row = unit * (S + 2);
    out.set(weights.subarray(row, row + S), unit * S);
    out[width * S + unit] = weights[width * (S + 2) + unit] + wanted * weights[row + S] +
      horizon * weights[row + S + 1];
  }
  out.set(weights.subarray(width * (S + 3)), width * (S + 1));
}

/** Fits y = a + k x by least squares; without two different x, k is 0. */
export function fitLine(points: readonly { x: number; y: number }[]): [a: number, k: number] {
  const n = points.length;
  const x = points.reduce((sum, point) => sum + point.x / n, 0);
  const y = points.reduce((sum, point) => sum + point.y / n, 0);
  const xx = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const xy = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  const k = xx > 0 ? xy / xx : 0;
  return [y - k * x, k];
}
