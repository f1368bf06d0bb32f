/**
 * What deterministic actor-critics have in common (ddpg, td3): a policy and critics of its actions with targets
 * that follow slowly, transitions to learn from, and the loop over the steps of an episode.
 *
 * A critic is a perceptron on (observation, action) with the policy's hidden widths. Observations are taken as
 * they are: these algorithms normalise nothing.
 */

import { joinFloats } from "../system/bytes.ts";
import {
  applyPerceptron,
  initialisePerceptron,
  type Perceptron,
  perceptronWeights,
} from "../autodiff/perceptron.ts";
import type { Tensor } from "../autodiff/node.ts";
import {
  add,
  concat,
  constant,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  square,
  sub,
  tanh,
} from "../autodiff/tensor.ts";
import type { EpisodeEvent, UpdateEvent } from "../algorithm/events.ts";
import { currentNormaliser, type TrainingRun } from "../algorithm/run.ts";
import type { WeightTensors } from "../model.ts";
import { Fitter, viewsByName } from "../learner/fitter.ts";
import type { TensorValue } from "../onnx/session.ts";
import { streamFor } from "../numbers/streams.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { actionRange, bookEpisode, drawAction, runSteps } from "./episodes.ts";
import { Transitions } from "./transitions.ts";

/** How an actor-critic learns. */
export interface ActorCriticOptions {
  /** One critic, or twins of which the lower value counts. */
  readonly critics: 1 | 2;
  /** Noise on the target policy's actions in shares of the half range: its deviation and its limit. */
  readonly smoothing?: { readonly deviation: number; readonly limit: number };
}

/** The public code's (sfujim/TD3). */
const LEARNING_RATE = 3e-4;
const BATCH_SIZE = 256;
const CAPACITY = 1_000_000;
/** How far targets move towards what they follow, tau. */
const TRACKING = 0.005;
/** Deviation of the noise on training's actions, in shares of the half range. */
const EXPLORATION = 0.1;
/** Random actions at first: the public code's number, or this share of a small budget. */
const RANDOM_STEPS = 25_000;
const RANDOM_SHARE = 1 / 20;

/** An actor, its critics, their targets and the stored transitions of a run. */
export class ActorCritic {
  readonly #run: TrainingRun;
  readonly #actor: Fitter;
  readonly #critic: Fitter;
  readonly #targets: { readonly flat: Float32Array; readonly of: Fitter }[];
  readonly #transitions: Transitions;
  readonly #batch;
  readonly #noise: TensorValue;
  readonly #smoothing: ActorCriticOptions["smoothing"];
  /** The targets by name, `target.NAME`. */
  readonly #targetFeeds: Readonly<Record<string, TensorValue>>;
  /** Updates of the critics so far. */
  updates: number;

  /** Takes up a run from wherever it is; its actions are continuous (models/models.ts sees to that). */
  constructor(run: TrainingRun, { critics, smoothing }: ActorCriticOptions) {
    const { task: { config, shape }, tools: { learner }, kept } = run;
    const scaling = actionRange(run);
    const nets = networksOf(run, critics);
    const rng = streamFor(config.seed, "initialisation", 1);
    const [S, A] = [shape.sizes[0], scaling.halfRange.length];
    const named = (parts: readonly Perceptron[]) => parts.flatMap(perceptronWeights);
    const shapes = (parts: readonly Perceptron[], before: string) =>
      Object.fromEntries(named(parts).map(({ name, shape }) => [`${before}${name}`, shape]));
    const graphs = traceLosses(nets, { ...scaling, discount: config.critic.discount });
    this.#run = run;
    this.#smoothing = smoothing;
    this.#actor = new Fitter({
      weights: perceptronWeights(nets.actor),
      inputs: { ...shapes(nets.critics, ""), observations: ["B", S] },
      loss: graphs.actor,
      learningRate: LEARNING_RATE,
      threads: 1,
    }, learner.state.weights);
    this.#critic = new Fitter({
      weights: named(nets.critics),
      inputs: {
        ...shapes([nets.actor, ...nets.critics], "target."),
        observations: ["B", S],
        actions: ["B", A],
        nexts: ["B", S],
        noise: ["B", A],
        rewards: ["B", 1],
        goesOn: ["B", 1],
      },
      loss: graphs.critic,
      learningRate: LEARNING_RATE,
      threads: 1,
    }, joinFloats(nets.critics.map((critic) => initialisePerceptron(critic, rng))));
    this.#actor.keepIn(kept, "actor");
    this.#critic.keepIn(kept, "critic");
    this.#targets = [this.#actor, this.#critic].map((of) => ({ flat: of.weights.slice(), of }));
    this.#targets.forEach(({ flat }, i) =>
      kept.keepArray(["target.actor", "target.critic"][i], flat)
    );
    this.#targetFeeds = {
      ...viewsByName(perceptronWeights(nets.actor), this.#targets[0].flat, "target."),
      ...viewsByName(named(nets.critics), this.#targets[1].flat, "target."),
    };
    this.#transitions = new Transitions({ observation: S, action: A }, { capacity: CAPACITY });
    this.#transitions.keepIn(kept, "transitions");
    this.#batch = this.#transitions.makeBatch(BATCH_SIZE);
    this.#noise = { data: new Float32Array(BATCH_SIZE * A), shape: [BATCH_SIZE, A] };
    this.updates = learner.updates;
    run.tools.policy.normalise(currentNormaliser(run));
  }

  /**
   * Runs one training episode; after each step that no random action took, `learn` may update.
   * @throws {DivergedError} when a number is not finite.
   */
  async runEpisode(learn: () => Promise<void>): Promise<EpisodeEvent> {
    const run = this.#run;
    const { task: { config }, tools: { policy }, tally } = run;
    const { halfRange, centre } = actionRange(run);
    const rng = streamFor(config.seed, "noise", tally.episodes);
    const randomSteps = Math.min(RANDOM_STEPS, RANDOM_SHARE * config.steps) - tally.steps.training;
    let isRandom = true;
    this.#loadActor();
    const episode = await runSteps(run, {
      start: tally.starts,
      async act(observation, action, { passed }) {
        isRandom = passed < randomSteps;
        if (isRandom) return drawAction(run, rng, action);
        await policy.act(observation, action);
        action.forEach((value, i) => {
          const wanted = value + EXPLORATION * halfRange[i] * rng.standardNormal();
          action[i] = centre[i] + clip(wanted - centre[i], halfRange[i]);
        });
      },
      see: async ({ before: observation, after: next, ...step }) => {
        this.#transitions.add({ observation, next, ...step });
        if (isRandom) return;
        await learn();
        this.#loadActor();
      },
    });
    return bookEpisode(run, episode);
  }

  /** Draws a batch of transitions for the next update. */
  draw(): void {
    const rng = streamFor(this.#run.task.config.seed, "batch", this.updates++);
    this.#transitions.draw(rng, this.#batch);
    const { data } = this.#noise;
    const { halfRange } = actionRange(this.#run);
    for (let i = 0; i < data.length; i++) {
      data[i] = this.#smoothing === undefined ? 0 : halfRange[i % halfRange.length] *
        clip(this.#smoothing.deviation * rng.standardNormal(), this.#smoothing.limit);
    }
  }

  /** Moves the critics towards reward + discount * the target critics' lowest value of the target's action. */
  fitCritics(): Promise<number> {
    return this.#critic.step({ ...this.#batch, noise: this.#noise, ...this.#targetFeeds });
  }

  /** Moves the policy to where the first critic values its actions higher. */
  async fitActor(): Promise<void> {
    await this.#actor.step({ observations: this.#batch.observations, ...this.#critic.feeds });
  }

  /** Moves the targets towards what they follow. */
  trackTargets(): void {
    for (const { flat, of: { weights } } of this.#targets) track(flat, weights);
  }

  /** Ends an episode: the policy becomes what the run would hand out now. `losses` are those of its updates. */
  endEpisode(losses: readonly number[]): UpdateEvent {
    const { tools: { learner }, tally, history } = this.#run;
    learner.restore({ ...learner.state, weights: this.#actor.weights, updates: this.updates });
    tally.cycles++;
    tally.lastRollouts = 1;
    const loss = losses.reduce((sum, value) => sum + value / losses.length, 0);
    history.lastLoss = loss;
    return { kind: "update", updates: this.updates, loss };
  }

  /** Frees the loaded graphs. */
  async close(): Promise<void> {
    await this.#actor.close();
    await this.#critic.close();
  }

  #loadActor(): void {
    this.#run.tools.policy.load(this.#actor.weights as PolicyParameters);
  }
}

/** Moves a target towards what it follows, in place. */
export function track(target: Float32Array, weights: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += TRACKING * (weights[i] - target[i]);
}

/** The networks of an actor-critic. */
export interface Networks {
  /** Observation -> action before tanh. */
  readonly actor: Perceptron;
  /** (Observation, action) -> value. */
  readonly critics: readonly Perceptron[];
}

function networksOf({ task: { shape } }: TrainingRun, critics: number): Networks {
  const { sizes, activation } = shape;
  const [S, A] = [sizes[0], sizes[sizes.length - 1]];
  return {
    actor: { name: "actor", sizes, activation },
    critics: Array.from({ length: critics }, (_, i) => ({
      name: `critic${i}`,
      sizes: [S + A, ...sizes.slice(1, -1), 1],
      activation,
    })),
  };
}

/** What the losses need besides the networks. */
export interface LossConstants {
  /** Half of the action's range, [A]. */
  readonly halfRange: Float64Array;
  /** The action in the middle of it, [A]. */
  readonly centre: Float64Array;
  /** What a later reward is worth, gamma. */
  readonly discount: number;
}

/** Traces the losses of actor and critics; their inputs are named as the weights, batches and targets are. */
export function traceLosses(
  { actor, critics }: Networks,
  { halfRange, centre, discount }: LossConstants,
): {
  readonly actor: (tensors: WeightTensors) => Tensor;
  readonly critic: (tensors: WeightTensors) => Tensor;
} {
  const row = (values: ArrayLike<number>) =>
    constant(Float32Array.from(values), [1, values.length]);
  const act = (weights: WeightTensors, observations: Tensor) =>
    add(mul(tanh(applyPerceptron(actor, weights, observations)), row(halfRange)), row(centre));
  const value = (critic: Perceptron, weights: WeightTensors, { observations, actions }: {
    observations: Tensor;
    actions: Tensor;
  }) => applyPerceptron(critic, weights, concat([observations, actions], 1)); // [B, 1]
  return {
    actor(tensors) {
      const { observations } = tensors;
      return neg(
        mean(value(critics[0], tensors, { observations, actions: act(tensors, observations) })),
      );
    },
    critic(tensors) {
      const targets = Object.fromEntries(
        Object.entries(tensors).filter(([name]) => name.startsWith("target.")).map((
          [name, tensor],
        ) => [name.slice("target.".length), tensor]),
      );
      const { observations, actions, nexts, noise, rewards, goesOn } = tensors;
      const wanted = add(act(targets, nexts), noise);
      const [low, high] = [-1, 1].map((sign) =>
        row(Array.from(centre, (middle, i) => middle + sign * halfRange[i]))
      );
      const next = { observations: nexts, actions: maximum(minimum(wanted, high), low) };
      const values = critics.map((critic) => value(critic, targets, next));
      const lowest = values.reduce((a, b) => minimum(a, b));
      const target = add(rewards, mul(mul(goesOn, discount), lowest));
      const errors = critics.map((critic) =>
        mean(square(sub(value(critic, tensors, { observations, actions }), target)))
      );
      return errors.reduce((a, b) => add(a, b));
    },
  };
}

function clip(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value));
}
