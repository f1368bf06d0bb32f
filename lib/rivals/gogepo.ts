/**
 * Goal-conditioned generators of policies (Faccio et al. 2022, arXiv 2207.01570): the closest relative of this
 * program's method, with an evaluator in place of hindsight.
 *
 *     repeat until the budget of simulated steps is spent
 *       rollout   theta = G(best return + 20) + N(0, 0.1^2); run an episode, store (theta, its return)
 *       evaluate  4 times: move V down the gradient of the mean of (V(theta) - return)^2
 *       improve   19 times: move G down the gradient of the mean of (V(G(return)) - return)^2, V held still
 *
 * The evaluator V pushes learnt probing states through a policy and reads the return off its actions:
 *
 *     states [M, S] through theta -> actions [A, M] -> perceptron -> V(theta)
 *
 * Both draw stored policies by age: the k-th newest by 1 / k^1.1. Numbers are those of the public code
 * (IDSIA/GoGePo). Differences from it:
 *  1. A command is a return on the scale 0..1 of the environment's range, where the code divides by its width
 *     alone; V's returns are as they are. The first rollout asks for command 0.
 *  2. Stored policies keep the meaning they were measured with when the normaliser moves (lib/policy_space.ts).
 *  3. The reward for being alive is kept in stored returns.
 */

import {
  applyPerceptron,
  initialisePerceptron,
  type Perceptron,
  perceptronWeights,
} from "../autodiff/perceptron.ts";
import type { Tensor } from "../autodiff/node.ts";
import {
  add,
  batchMatmul,
  constant,
  linear,
  mean,
  mul,
  relu,
  reshape,
  slice,
  softmax,
  square,
  sub,
  tanh,
} from "../autodiff/tensor.ts";
import type { EpisodeEvent, Events, UpdateEvent } from "../algorithm/events.ts";
import { beginCycle, endCycle, generate, runAndStore } from "../algorithm/measure.ts";
import { currentNormaliser, type TrainingRun } from "../algorithm/run.ts";
import { finish } from "../algorithm/trainer.ts";
import { Fitter } from "../learner/fitter.ts";
import type { PolicyShape, WeightSpec, WeightTensors } from "../model.ts";
import type { Rng } from "../numbers/rng.ts";
import { streamFor } from "../numbers/streams.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import { joinFloats } from "../system/bytes.ts";
import { trainByCycles } from "./cycles.ts";
import { actionRange } from "./episodes.ts";

const BATCH_SIZE = 16;
const EVALUATOR_UPDATES = 4;
const EVALUATOR_RATE = 5e-3;
const GENERATOR_UPDATES = 19;
const GENERATOR_RATE = 2e-6;
const PROBING_STATES = 200;
const EVALUATOR_WIDTHS = [256, 256];
/** How much more than the best is asked for, as a return. */
const DRIVE = 20;
/** Deviation of the noise on each weight. */
const NOISE = 0.1;
/** How much more often newer policies are drawn. */
const RECENCY = 1.1;

/** Trains a run by gogepo; see `train` in lib/rivals/algorithms.ts. */
export function trainGogepo(run: TrainingRun): Events {
  const learner = new EvaluatedGenerator(run);
  return trainByCycles(run, {
    async *cycle() {
      yield await learner.rollout();
      yield await learner.update();
    },
    close: () => learner.close(),
    finish,
  });
}

/** A generator and the evaluator that it learns from. */
class EvaluatedGenerator {
  readonly #run: TrainingRun;
  readonly #evaluator: Fitter;
  readonly #generator: Fitter;

  constructor(run: TrainingRun) {
    const { task: { config, shape }, tools: { model, learner }, kept } = run;
    const { sizes } = shape;
    const [S, A] = [sizes[0], sizes[sizes.length - 1]];
    const value: Perceptron = {
      name: "evaluator",
      sizes: [PROBING_STATES * A, ...EVALUATOR_WIDTHS, 1],
      activation: "relu",
    };
    const weights: WeightSpec[] = [
      { name: "states", shape: [PROBING_STATES, S] },
      ...perceptronWeights(value),
    ];
    const range = actionRange(run);
    const evaluate = (tensors: WeightTensors, policies: Tensor) =>
      traceEvaluator(value, tensors, model.inPolicyOrder(policies), { shape, ...range });
    const error = (values: Tensor, returns: Tensor) => mean(square(sub(values, returns)));
    const rng = streamFor(config.seed, "initialisation", 1);
    const states = new Float32Array(PROBING_STATES * S);
    rng.fillUniform(states, 0, 1);
    this.#run = run;
    this.#evaluator = new Fitter({
      weights,
      inputs: { policies: ["B", shape.parameterCount], returns: ["B", 1] },
      loss: (tensors) => error(evaluate(tensors, tensors.policies), tensors.returns),
      learningRate: EVALUATOR_RATE,
      threads: 1,
    }, joinFloats([states, initialisePerceptron(value, rng)]));
    this.#generator = new Fitter({
      weights: model.weights,
      inputs: {
        ...Object.fromEntries(weights.map(({ name, shape }) => [name, shape])),
        commands: ["B", 1],
        returns: ["B", 1],
      },
      loss: (tensors) =>
        error(evaluate(tensors, model.generate(tensors, tensors.commands)), tensors.returns),
      learningRate: GENERATOR_RATE,
      threads: 1,
    }, learner.state.weights);
    this.#evaluator.keepIn(kept, "evaluator");
    this.#generator.keepIn(kept, "generator");
  }

  /** Asks for a little more than the best, and stores what that reached. */
  async rollout(): Promise<EpisodeEvent> {
    const run = this.#run;
    const { task: { config }, experience: { buffer }, tally } = run;
    const [low, high] = run.task.scale.range!;
    const command = buffer.size === 0 ? 0 : buffer.best + DRIVE / (high - low);
    const [centre] = await generate(run, [command]);
    const rng = streamFor(config.seed, "noise", tally.cycles);
    const policy = centre.map((value) => value + NOISE * rng.standardNormal()) as GeneratedPolicy;
    const cycle = beginCycle(run);
    const { event } = await runAndStore(run, { policy, start: tally.starts }, cycle);
    endCycle(run, cycle);
    return event;
  }

  /** Fits the evaluator to what was reached, then the generator to the evaluator. */
  async update(): Promise<UpdateEvent> {
    const { task: { config }, tools: { learner }, tally, history } = this.#run;
    const rng = streamFor(config.seed, "batch", tally.cycles);
    for (let k = 0; k < EVALUATOR_UPDATES; k++) {
      const { policies, returns } = this.#draw(rng);
      await this.#evaluator.step({ policies, returns });
    }
    let sum = 0;
    for (let k = 0; k < GENERATOR_UPDATES; k++) {
      const { commands, returns } = this.#draw(rng);
      sum += await this.#generator.step({ commands, returns, ...this.#evaluator.feeds });
    }
    const loss = sum / GENERATOR_UPDATES;
    history.lastLoss = loss;
    const updates = learner.updates + EVALUATOR_UPDATES + GENERATOR_UPDATES;
    learner.restore({ ...learner.state, weights: this.#generator.weights, updates });
    return { kind: "update", updates, loss };
  }

  async close(): Promise<void> {
    await this.#evaluator.close();
    await this.#generator.close();
  }

  /** Draws stored policies, newer ones more often, with their commands and returns. */
  #draw(rng: Rng) {
    const { task: { frame, scale, shape }, experience: { buffer } } = this.#run;
    const entries = [...buffer.entries()];
    const [low, high] = scale.range!;
    const normaliser = currentNormaliser(this.#run);
    const count = Math.min(BATCH_SIZE, entries.length);
    const policies = new Float32Array(count * shape.parameterCount);
    const commands = new Float32Array(count);
    for (let row = 0; row < count; row++) {
      const { slot, scaledReturn } = entries[entries.length - drawAge(rng, entries.length)];
      const out = policies.subarray(row * shape.parameterCount, (row + 1) * shape.parameterCount);
      frame.toNormalised(buffer.row(slot), normaliser, { out });
      commands[row] = scaledReturn;
    }
    const returns = commands.map((command) => low + command * (high - low));
    return {
      policies: { data: policies, shape: [count, shape.parameterCount] },
      commands: { data: commands, shape: [count, 1] },
      returns: { data: returns, shape: [count, 1] },
    };
  }
}

/** Draws an age from 1, the newest, to `count`, with a chance of 1 / age^1.1: one number from `rng`. */
export function drawAge(rng: Rng, count: number): number {
  let total = 0;
  for (let age = 1; age <= count; age++) total += age ** -RECENCY;
  let left = rng.random() * total;
  for (let age = 1; age < count; age++) {
    left -= age ** -RECENCY;
    if (left < 0) return age;
  }
  return count;
}

/**
 * Traces what an evaluator makes of policies.
 * @param weights `states` [M, S] and the perceptron's
 * @param policies in policy order, [B, P]
 * @returns [B, 1]
 */
export function traceEvaluator(
  evaluator: Perceptron,
  weights: WeightTensors,
  policies: Tensor,
  { shape: { sizes, activation, actions }, halfRange, centre }: {
    readonly shape: Pick<PolicyShape, "sizes" | "activation" | "actions">;
    readonly halfRange: Float64Array;
    readonly centre: Float64Array;
  },
): Tensor {
  let at = 0;
  const take = (count: number) => slice(policies, { axis: 1, start: at, end: at += count });
  const [count] = weights.states.shape;
  const [S, width] = sizes;
  const first = reshape(take(width * S), [-1, S]); // [B * H, S]
  const bias = reshape(take(width), [-1, 1]);
  let x = reshape(linear(first, weights.states, bias), [-1, width, count]); // [B, H, M]
  for (let layer = 2; layer < sizes.length; layer++) {
    const [fanIn, fanOut] = [sizes[layer - 1], sizes[layer]];
    const weight = reshape(take(fanIn * fanOut), [-1, fanOut, fanIn]);
    const hidden = activation === "tanh" ? tanh(x) : relu(x);
    x = add(batchMatmul(weight, hidden), reshape(take(fanOut), [-1, fanOut, 1])); // [B, out, M]
  }
  const outputs = sizes[sizes.length - 1];
  const column = (values: Float64Array) => constant(Float32Array.from(values), [1, outputs, 1]);
  const acted = actions === "box"
    ? add(mul(tanh(x), column(halfRange)), column(centre))
    : softmax(x, 1);
  return applyPerceptron(evaluator, weights, reshape(acted, [-1, outputs * (count as number)]));
}
