/**
 * The last updates: the generator learns the way that its best policy has come (lib/algorithm/way.ts).
 *
 * While rollouts ask for the best, the generator follows it, and what other commands mean changes all the time.
 * Here draws are spread evenly over the rise of the way, so that every command means a place on it. Half of the
 * batches are drawn from the policies stored of late in place of it, evenly over their returns: between two
 * places that lie far apart they say what lies there (CartPole, seeds 1 and 2, mean error of requests with three
 * budgets of calibration: the way alone 7.2 %, stored policies alone 4.9 %, both 3.7 %; 2026-11-26). The policy
 * that won the choice takes a share of every batch: the best command must not give a blend.
 */

import type { Batch } from "../learner/staging.ts";
import { drawStates } from "../episodes/recent_states.ts";
import type { Rng } from "../numbers/rng.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import { fallingCosine } from "./budget.ts";
import { spacingWeights } from "./buffer.ts";
import type { Events, PhaseEvent, UpdateEvent } from "./events.ts";
import { currentNormaliser, favour, LOWEST_COMMAND, type TrainingRun } from "./run.ts";
import type { Winner } from "./selection.ts";
import { type Station, stationsOf } from "./way.ts";

/** The step size at the start of these updates; it falls to 0. */
const LEARNING_RATE = 1e-3;
/** Share of every batch that is the winner. */
const WINNER_SHARE = 0.15;
/** Batches between two events. */
const GROUP = 8;

/** Policies that claim as much as the winner, or nearly, are luck beside it. */
const CLEARANCE = 0.02;

/** Fits the generator to the way of the run, to its stored policies, and to the winner for the best command. */
export async function* consolidate(
  run: TrainingRun,
  winner: Winner,
): Events<UpdateEvent | PhaseEvent> {
  const { task: { config, frame }, tools: { learner }, history } = run;
  const { updates } = config.consolidation;
  const draws = [
    drawer(run, stationsBefore(run, winner)),
    drawer(run, storedStations(run, winner)),
  ];
  const policy = frame.toNormalised(winner.policy, currentNormaliser(run));
  const favoured = [{ policy, share: 1 }];
  const start = learner.updates;
  for (let done = 0; done < updates; done += GROUP) {
    const rng = streamFor(config.seed, "consolidation", done);
    const batches = Array.from(
      { length: Math.min(GROUP, updates - done) },
      (_, i) => favour(draws[i % 2](rng), { favoured, command: 1, share: WINNER_SHARE }),
    );
    const losses = await learner.update(batches, {
      rng,
      learningRate: (update) => LEARNING_RATE * fallingCosine((update - start) / updates),
    });
    history.lastLoss = summarise(losses).mean;
    yield { kind: "update", updates: learner.updates, loss: history.lastLoss };
    yield { kind: "phase", phase: "fitting", done: learner.updates - start, total: updates };
  }
}

/** The way up to the winner, without what the configuration excludes of it. */
function stationsBefore({ task, experience: { way } }: TrainingRun, winner: Winner): Station[] {
  const [low = Infinity, high = -Infinity] = task.config.buffer.exclude;
  const end = { policy: winner.policy, return: winner.meanReturn };
  const kept = way.filter((each) => !(each.return > low && each.return <= high));
  return stationsOf([...kept, end]);
}

/** The stored policies as stations of the same rise; the winner where there are none below it. */
function storedStations({ experience: { buffer, way } }: TrainingRun, winner: Winner): Station[] {
  const low = Math.min(...way.map((milestone) => milestone.return));
  const rise = winner.meanReturn - low;
  const stored = buffer.drawable().map(({ scaledReturn, slot }) => ({
    command: rise > 0 ? Math.max(LOWEST_COMMAND, (scaledReturn - low) / rise) : 1,
    policy: buffer.row(slot),
  }));
  const below = stored.filter(({ command }) => command < 1 - CLEARANCE);
  return below.length > 0
    ? below.sort((a, b) => a.command - b.command)
    : [{ command: 1, policy: winner.policy }];
}

/** Makes what draws batches from stations, each by half the distance between its neighbours. */
function drawer(run: TrainingRun, stations: readonly Station[]): (rng: Rng) => Batch {
  const { task: { config: { update: { batchSize } }, frame }, tools: { model }, experience } = run;
  const normaliser = currentNormaliser(run);
  let sum = 0;
  const sums = spacingWeights(stations.map(({ command }) => command)).map((weight) =>
    sum += weight
  );
  const [count] = model.lossStates ?? [0];
  return (rng) => {
    const drawn = Array.from({ length: batchSize }, () => {
      const draw = rng.random() * sum;
      return stations[Math.min(stations.length - 1, sums.findIndex((value) => value > draw))];
    });
    return {
      commands: drawn.map(({ command }) => command),
      shares: new Float32Array(batchSize).fill(1 / batchSize),
      writeTarget: (row, out) => void frame.toNormalised(drawn[row].policy, normaliser, { out }),
      ...(experience.states
        ? { states: drawStates(experience.states, rng, { count, normaliser }) }
        : {}),
    };
  };
}
