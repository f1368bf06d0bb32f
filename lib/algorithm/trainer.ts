/**
 * The trainer: Upside Down Reinforcement Learning with Policy Generators (arXiv 2501.16288).
 *
 *     repeat until training's share of the budget is spent
 *       compete  once, where linear policies get no better: others try as long, the better go on
 *       update   K times: draw a batch of (return, theta) from the buffer, minimise
 *                mean over the batch of mean((G(command of the return) - theta)^2)
 *       rollout  theta_i = G(best command) + noise_i; run one episode with each theta_i, store
 *                (its return, theta_i); or run the first part of one, only to tell who is better
 *     finish: choose the best policy by measurement, fit the generator to the line from the worst to it,
 *             measure which command earns which return
 *
 * The first rollouts come before the first update and ask for command 1: they are the warm-up.
 *
 * Differences from the paper and its reference code:
 *  1. A batch is its distinct policies with the number of their draws as weights: same gradient, less
 *     than half of the arithmetic at the reference's weighting.
 *  2. The observation normaliser changes between cycles, not within them (lib/episodes/normaliser.ts), and
 *     stored policies keep the meaning they were measured with when it moves (lib/policy_space.ts): no
 *     stale labels. It also takes observations of any size, from the first cycle on.
 *  3. Every episode starts from a seed of its own or of its group (lib/numbers/streams.ts), so resuming needs
 *     no stream.
 *  4. Steps are counted by purpose, the reference's noise-free episode before each rollout is not run, and
 *     no cycle starts that might not fit the budget.
 *  5. A cycle runs several policies around one, in mirrored pairs, from few starts, and compares those that
 *     started alike (lib/algorithm/exploration.ts). Their better half, weighted by rank, is half of every
 *     batch, at the best command: the generator follows what is better, not what was lucky, and needs no
 *     scale of returns. The noise adapts its size and shape to the same half
 *     (lib/algorithm/adapted_noise.ts). Of a deep policy it moves the last layer alone; where a linear
 *     policy stands beside the hidden layers (policy.skip), each has a noise of its own, and pairs take
 *     turns. All are known before the first runs, so they run side by side; what they show is gathered in
 *     their order, wherever they ran. Where the first part of an episode tells who is better, most cycles
 *     run that part alone (lib/algorithm/horizon.ts).
 *  6. A command is a return relative to what the run has seen, 0 for random policies, 1 for the best
 *     (`commandOf` in lib/algorithm/batches.ts); the other half of a batch is drawn evenly over returns.
 *  7. Training ends early where nothing is left to tell apart (`isSettled` in lib/algorithm/budget.ts). What is
 *     handed out as the best is chosen by fresh episodes (lib/algorithm/selection.ts), the generator is fitted
 *     to the line from the worst policy to it (lib/algorithm/consolidation.ts), and requests are answered
 *     through a measured curve (lib/algorithm/calibrate.ts, lib/generator/calibration.ts).
 *
 *  8. A run may begin with policies in place of random ones (lib/algorithm/start.ts).
 *  9. Where linear policies get no better, others with hidden layers try as long, and the better kind goes on
 *     (lib/algorithm/attempts.ts).
 *  10. Where returns clearly fall, search goes back to its best place, with smaller noise (lib/algorithm/lost_search.ts).
 *
 *  The preset `paper` turns off 2, 5, 6, 9, 10 and, but for the measured curve, 7. Beside the reference code it keeps 1, 3 and
 *  4, and sweeps commands up to the best return in place of the range's end. Its deviation of observations is
 *  Welford's; the reference takes both factors of the squares from the new mean, which makes the variance
 *  0.6 % smaller after 1,000 observations and 0.1 % after 10,000. What these and 2 do is measured:
 *  tests/experiments/NOTEBOOK.md, "paper and its rivals beside public code", "the paper's size beside public
 *  code" and "paper to the letter".
 */

import type { GeneratedPolicy } from "../policy_space.ts";
import { streamFor } from "../numbers/streams.ts";
import { adaptNoise } from "./adapted_noise.ts";
import { compete, decide, isToCompete, isToDecide } from "./attempts.ts";
import { hasBudget, isSettled, isWarm, proofEpisodes, stepsLeft } from "./budget.ts";
import { conclude } from "./conclusion.ts";
import { consolidate } from "./consolidation.ts";
import type { EpisodeEvent, Events, PartEvent, UpdateEvent } from "./events.ts";
import {
  type BetterSibling,
  blend,
  type Compared,
  drawSiblings,
  findBetterHalf,
  findOutstanding,
  type Sibling,
  worthOf,
} from "./exploration.ts";
import { goBack, isLost } from "./lost_search.ts";
import { learnHorizon, stepsToRun } from "./horizon.ts";
import { chooseLine } from "./line.ts";
import {
  beginCycle,
  type CycleContext,
  endCycle,
  generate,
  isWhole,
  prepareFirstCycle,
  type Rollout,
  runAgain,
  runAndStore,
  runSiblings,
  type StoredEpisode,
} from "./measure.ts";
import { report } from "./reports.ts";
import { bestCommand, drawBatch, favour } from "./batches.ts";
import type { TrainingRun } from "./run.ts";
import { selectBest } from "./selection.ts";
import { begin, isArchive, isToBegin } from "./start.ts";
import { addMilestone } from "./way.ts";

/**
 * Trains a run, from wherever it is, to the end of its budget. A run whose last event was "cycle" or "spent"
 * may be left there: training it again goes on from exactly there.
 * @throws {DivergedError} when a loss, a policy or a return is not finite.
 */
export async function* train(run: TrainingRun): Events {
  if (isToBegin(run)) {
    yield* begin(run);
    yield { kind: "cycle" };
  }
  while (hasBudget(run)) {
    if (isToCompete(run)) yield await compete(run);
    else if (isToDecide(run)) yield await decide(run);
    if (isWarm(run)) yield* update(run);
    yield* rollout(run);
    yield* report(run);
    yield { kind: "cycle" };
  }
  yield { kind: "spent" };
  yield* finish(run);
}

/** Share of each batch that is whom the generator follows. */
const FOLLOWED_SHARE = 0.5;

/** Draws K batches and fits the generator to them. */
async function* update(run: TrainingRun): Events<UpdateEvent> {
  const { task: { config }, tools: { learner }, experience: { followed }, tally, history } = run;
  const { perCycle, batchSize: size, learningRate } = config.update;
  const rng = streamFor(config.seed, "batch", tally.cycles);
  const batches = Array.from({ length: perCycle }, () => {
    const batch = drawBatch(run, rng, { size, isEven: followed !== undefined });
    return followed ? favour(batch, { policy: followed, share: FOLLOWED_SHARE }) : batch;
  });
  const losses = await learner.update(batches, { rng, learningRate: () => learningRate });
  history.lastLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  yield { kind: "update", updates: learner.updates, loss: history.lastLoss };
}

/** Asks for the best, explores around the policy for it, stores what was reached. */
async function* rollout(run: TrainingRun): Events<EpisodeEvent | PartEvent> {
  const [centre] = await generate(run, [isWarm(run) ? bestCommand(run) : 1]);
  const siblings = drawSiblings(run, centre);
  const cycle = beginCycle(run);
  const { experience: { noise, horizon, way }, task: { spec, frame } } = run;
  if (noise) await prepareFirstCycle(run, cycle);
  const limit = noise
    ? Math.min(stepsToRun(horizon, spec.maxEpisodeSteps), stepsLeft(run, siblings.length))
    : Infinity;
  const rollouts: Rollout[] = [];
  for await (const rollout of runSiblings(run, siblings, { cycle, limit })) {
    rollouts.push(rollout);
    yield rollout.event;
  }
  if (!noise) return endCycle(run, cycle);
  // Parts tell who is better, but not what anybody returns.
  const whole = rollouts.every(isWhole) ? rollouts : undefined;
  if (whole) learnHorizon(horizon, whole, spec.maxEpisodeSteps);
  else horizon.since++;
  if (isSettled(run)) yield* proveCentre(run, { centre, cycle });
  const proven = yield* proveOutstanding(run, { siblings, rollouts, cycle, limit });
  const policy = frame.toRaw(centre, cycle.normaliser);
  endCycle(run, cycle);
  const better = followBetter(run, { siblings, rollouts, proven });
  const mean = whole ? noteReached(run, { better, episodes: whole }) : way[way.length - 1].return;
  addMilestone(way, { policy, return: mean });
  if (isLost(run)) goBack(run);
}

/**
 * Runs the policy of a cycle that seems to have nothing left to learn from further starts, until one is not as
 * good: its siblings shared few.
 */
async function* proveCentre(
  run: TrainingRun,
  { centre, cycle }: { centre: GeneratedPolicy; cycle: CycleContext },
): Events<EpisodeEvent> {
  for (let left = proofEpisodes(run.task); left > 0 && isSettled(run); left--) {
    if (stepsLeft(run, 1) < Infinity) return;
    const { event } = await runAndStore(run, { policy: centre, start: run.tally.starts }, cycle);
    yield event;
  }
}

/**
 * Runs a policy that stands out once more, as far as its siblings ran, from another start: luck does not repeat.
 * @returns its place where it has proved to be better than all others of the cycle
 */
async function* proveOutstanding(
  run: TrainingRun,
  { siblings, rollouts, cycle, limit }: {
    siblings: readonly Sibling[];
    rollouts: readonly Compared[];
    cycle: CycleContext;
    limit: number;
  },
): Events<EpisodeEvent | PartEvent, number | undefined> {
  const found = findOutstanding(rollouts);
  if (!found || stepsLeft(run, 1) < limit) return undefined;
  const sibling = { ...siblings[found.place], start: run.tally.starts };
  const again = await runAgain(run, sibling, { cycle, limit });
  yield again.event;
  const worth = worthOf([...rollouts, again]);
  return worth[rollouts.length] > worth[found.second] ? found.place : undefined;
}

/**
 * Learns from a cycle who was better: whom to follow and where to explore.
 * @returns the better half
 */
function followBetter(
  { experience }: TrainingRun,
  { siblings, rollouts, proven }: {
    siblings: readonly Sibling[];
    rollouts: readonly Compared[];
    proven: number | undefined;
  },
): BetterSibling[] {
  const better = findBetterHalf(rollouts);
  experience.noise!.forEach((noise, part) => {
    const own = [...siblings.keys()].filter((place) => siblings[place].part === part);
    if (own.length < 2) return;
    const winners = findBetterHalf(rollouts, own);
    const directions = winners.map(({ place }) => siblings[place].direction!);
    adaptNoise(noise, directions, winners.map(({ share }) => share));
  });
  // A policy that is far better than its siblings is no place for a blend.
  experience.followed = proven === undefined ? blend(siblings, better) : siblings[proven].policy;
  return better;
}

/**
 * Takes note of what a whole cycle reached.
 * @returns its mean return
 */
function noteReached(
  { experience }: TrainingRun,
  { better, episodes }: {
    better: readonly BetterSibling[];
    episodes: readonly StoredEpisode[];
  },
): number {
  const mean = episodes.reduce((sum, each) => sum + each.return, 0) / episodes.length;
  if (experience.way.length === 0) {
    experience.floor = mean;
    // The way begins below where the generator does, so that it can be asked for less than that.
    const worst = episodes.reduce((a, b) => (b.return < a.return ? b : a));
    addMilestone(experience.way, { policy: worst.policy, return: worst.return });
  }
  const reached = better.reduce((sum, { place, share }) => sum + share * episodes[place].return, 0);
  experience.goal = Math.max(experience.goal, reached);
  experience.reached.push(mean);
  return mean;
}

/**
 * Chooses the best policy, fits the generator to the line that leads to it, measures the curve that requests are answered
 * through. The last evaluation changes nothing.
 */
export async function* finish(run: TrainingRun): Events {
  if (run.experience.noise && !isArchive(run)) {
    const [last] = await generate(run, [1]);
    const winner = yield* selectBest(run, last);
    yield* consolidate(run, yield* chooseLine(run, winner));
  }
  yield* conclude(run);
}
