/**
 * The last updates: the generator learns a line from the worst policy of the first cycle to the one that won the
 * choice (lib/algorithm/line.ts).
 *
 * While rollouts ask for the best, the generator follows it, and what other commands mean changes all the time. Here
 * the command becomes the share of the line: 0 the worst, 1 the winner. Along it returns rise in one piece, or nearly,
 * since search has come about that way in many small steps, and the generator, which has one target for every
 * command, learns it almost exactly. Policies that merely returned the same lie far apart, and what a generator gives
 * between them returns anything (CartPole: 36 between 480 and 500). The winner takes a share of every batch: the best
 * command must not give a blend.
 */

import type { Batch } from "../learner/staging.ts";
import type { Rng } from "../numbers/rng.ts";
import { summarise } from "../numbers/statistics.ts";
import { streamFor } from "../numbers/streams.ts";
import { fallingCosine } from "./budget.ts";
import type { Events, PhaseEvent, UpdateEvent } from "./events.ts";
import { type Line, policyAt } from "./line.ts";
import { generate } from "./measure.ts";
import { favour, statesFor } from "./batches.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";

/** The step size at the start of a round of updates; it falls to 0. */
const LEARNING_RATE = 1e-3;
/** Share of every batch that is the winner. */
const WINNER_SHARE = 0.15;
/** Batches between two events. */
const GROUP = 8;
/**
 * Another round follows where the generator is farther from the line than this share of the way between its ends.
 * Mostly one or two are enough, and requests are met as well as with four (tests/experiments/NOTEBOOK.md, "how many
 * updates fit a line").
 */
const CLOSE = 0.015;
/** Rounds at most. */
const ROUNDS = 4;

/** Where the generator is compared with the line: nobody asks more finely than that. */
const PLACES = Array.from({ length: 33 }, (_, i) => i / 32);

/**
 * Fits the generator to a line of policies, from command 0 to command 1, or to its corners alone: between those it may
 * leave the line, so that all rounds are made.
 */
export async function* consolidate(
  run: TrainingRun,
  line: Line,
  { atCorners = false }: { readonly atCorners?: boolean } = {},
): Events<UpdateEvent | PhaseEvent> {
  if (run.task.config.consolidation.updates === 0) return;
  for (let round = 0; round < ROUNDS; round++) {
    yield* fitRound(run, { line, atCorners, round });
    if (await missOf(run, line) <= CLOSE) return;
  }
}

async function* fitRound(
  run: TrainingRun,
  { line, atCorners, round }: { line: Line; atCorners: boolean; round: number },
): Events<UpdateEvent | PhaseEvent> {
  const { task: { config, frame }, tools: { learner }, history } = run;
  const { updates } = config.consolidation;
  const policy = frame.toNormalised(line[line.length - 1], currentNormaliser(run));
  const start = learner.updates;
  const [before, total] = [round * updates, (round + 1) * updates];
  yield { kind: "phase", phase: "fitting", done: before, total };
  for (let done = 0; done < updates; done += GROUP) {
    const rng = streamFor(config.seed, "consolidation", before + done);
    const batches = Array.from(
      { length: Math.min(GROUP, updates - done) },
      () => favour(drawLine(run, rng, { line, atCorners }), { policy, share: WINNER_SHARE }),
    );
    const losses = await learner.update(batches, {
      rng,
      learningRate: (update) => LEARNING_RATE * fallingCosine((update - start) / updates),
    });
    history.lastLoss = summarise(losses).mean;
    yield { kind: "update", updates: learner.updates, loss: history.lastLoss };
    yield { kind: "phase", phase: "fitting", done: before + learner.updates - start, total };
  }
}

/** How far the generator is from a line, root mean square over places, as a share of the way between its ends. */
async function missOf(run: TrainingRun, line: Line): Promise<number> {
  const { frame, unit } = run.task;
  const normaliser = currentNormaliser(run);
  const wanted = PLACES.map((place) => frame.toNormalised(policyAt(line, place), normaliser));
  const given = await generate(run, PLACES);
  const square = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + ((value - b[i]) / unit[i]) ** 2, 0);
  const misses = given.map((policy, i) => square(policy, wanted[i]));
  const span = square(wanted[0], wanted[wanted.length - 1]);
  return span > 0 ? Math.sqrt(summarise(misses).mean / span) : 0;
}

/** Draws a batch of the line, one command from each of as many equal parts as it has rows. */
function drawLine(
  run: TrainingRun,
  rng: Rng,
  { line, atCorners }: { line: Line; atCorners: boolean },
): Batch {
  const { task: { config: { update: { batchSize } }, frame } } = run;
  const normaliser = currentNormaliser(run);
  const parts = line.length - 1;
  const commands = Array.from({ length: batchSize }, (_, row) => {
    const place = (row + rng.random()) / batchSize;
    return atCorners ? Math.round(place * parts) / parts : place;
  });
  return {
    commands,
    shares: new Float32Array(batchSize).fill(1 / batchSize),
    writeTarget: (row, out) =>
      void frame.toNormalised(policyAt(line, commands[row]), normaliser, { out }),
    ...statesFor(run, rng),
  };
}
