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
import { currentNormaliser, favour, statesFor, type TrainingRun } from "./run.ts";

/** The step size at the start of these updates; it falls to 0. */
const LEARNING_RATE = 1e-3;
/** Share of every batch that is the winner. */
const WINNER_SHARE = 0.15;
/** Batches between two events. */
const GROUP = 8;

/** Fits the generator to a line of policies, from command 0 to command 1, or to its corners alone. */
export async function* consolidate(
  run: TrainingRun,
  line: Line,
  { atCorners = false }: { readonly atCorners?: boolean } = {},
): Events<UpdateEvent | PhaseEvent> {
  const { task: { config, frame }, tools: { learner }, history } = run;
  const { updates } = config.consolidation;
  const normaliser = currentNormaliser(run);
  const policy = frame.toNormalised(line[line.length - 1], normaliser);
  const start = learner.updates;
  yield { kind: "phase", phase: "fitting", done: 0, total: updates };
  for (let done = 0; done < updates; done += GROUP) {
    const rng = streamFor(config.seed, "consolidation", done);
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
    yield { kind: "phase", phase: "fitting", done: learner.updates - start, total: updates };
  }
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
