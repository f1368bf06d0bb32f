/**
 * Attempts: where linear policies get no better after a tenth of the budget, and are hardly better than random ones,
 * policies with hidden layers try as long, and the better kind goes on.
 *
 * A linear policy has few weights, so it is learnt in few episodes, and most environments need no more. Where it leads
 * nowhere (Pendulum), what is left of the budget is worth more to policies that can do more. Whether it does cannot be
 * told from its own returns: how much can be learnt in an environment is not known. So short attempts of both kinds
 * compete, at the same age; a second one that is far behind at half of it ends there. It begins anew, because where a
 * linear policy stands is a trap for hidden layers; that place competes with what is found later
 * (lib/algorithm/selection.ts). Where linear policies get better, no step is spent on it. What
 * this is worth is measured: tests/experiments/NOTEBOOK.md, "short attempts".
 */

import type { Config } from "../config/config.ts";
import { leads, summarise } from "../numbers/statistics.ts";
import {
  seeingLayers,
  type StoredPolicy,
  toGeneratorOrder,
  toPolicyOrder,
} from "../policy_space.ts";
import { FIRST_SIBLINGS, spentSteps } from "./budget.ts";
import type { AttemptEvent } from "./events.ts";
import type { Attempt, TrainingRun } from "./run.ts";

/** Widths of the hidden layers of the second attempt. */
const SECOND_SIZES = [64, 64];
/** Shares of the budget between which it may begin: later it would have too little left. */
const WINDOW = { from: 0.1, to: 0.35 };
/** Whole cycles that it takes to tell what an attempt has reached. */
const LEAST_CYCLES = 10;
/** Policies that are better than random ones by so many deviations of those have learnt something. */
const LEAST_GAIN = 3;
/** Linear policies that have risen by fewer standard errors get no better; a second attempt so far behind is hopeless. */
const CLEARLY = 2;
/** One that leads by so many goes on: there is little to lose. */
const SLIGHTLY = 1;
/** From this share of its time on a second attempt may be given up. */
const EARLY = 0.5;

/** Tells whether linear policies get no better, and have learnt so little that others should be tried. */
export function isToCompete(run: TrainingRun): boolean {
  const { task: { config, start }, experience: { noise, reached }, tally, history } = run;
  const { hiddenSizes, skip } = config.policy;
  const share = spentSteps(run) / config.steps;
  if (
    noise === undefined || start !== undefined || hiddenSizes.length > 0 || skip === "none" ||
    tally.attempts > 1 || reached.length < LEAST_CYCLES || share < WINDOW.from || share > WINDOW.to
  ) return false;
  const { std } = summarise(history.returns.slice(0, FIRST_SIBLINGS));
  const late = lateOf(reached);
  const early = reached.slice(1, -late.length);
  return summarise(late).mean - reached[0] <= LEAST_GAIN * std && !leads(late, early, CLEARLY) &&
    fits(run);
}

/** Tells whether the second attempt is as old as the first was when it was parked, or hopeless at half that age. */
export function isToDecide(
  { experience: { before, reached }, tally, parked }: TrainingRun,
): boolean {
  if (parked === undefined) return false;
  const age = (tally.steps.training - before.training) / before.training;
  return age >= 1 ||
    age >= EARLY && leads(lateOf(parked.experience.reached), lateOf(reached), CLEARLY);
}

/** Tells whether the second attempt is trained. */
export function isSecond({ task: { config }, tally }: TrainingRun): boolean {
  return tally.attempts > 1 && config.policy.hiddenSizes.length > 0;
}

/** The cycles that say what an attempt has reached: the later half, three at least. */
function lateOf(reached: readonly number[]): readonly number[] {
  return reached.slice(-Math.max(3, Math.floor(reached.length / 2)));
}

/** The configuration of the second attempt. */
function secondConfig(config: Config): Config {
  return { ...config, policy: { ...config.policy, hiddenSizes: SECOND_SIZES } };
}

/** Tells whether the second attempt's networks are not too large: of a large observation a linear policy may be all. */
function fits({ task: { config, spec }, tools: { models } }: TrainingRun): boolean {
  const second = secondConfig(config);
  try {
    models.createGenerator(second, models.policyShape(spec, second.policy));
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Begins the second attempt and parks the first. */
export async function compete(run: TrainingRun): Promise<AttemptEvent> {
  const { tools: { learner, runner }, experience: { reached } } = run;
  await learner.download();
  await runner.close();
  takeSecond(run);
  return eventOf(run, { reached: [], beside: lateOf(reached) });
}

/** Puts the second attempt in the place of the first, which is parked. */
export function takeSecond(run: TrainingRun): void {
  const { task, tools, experience, tally } = run;
  const second = run.secondAttempt(secondConfig(task.config));
  Object.assign(second.experience.before, {
    episodes: tally.episodes,
    parts: tally.parts,
    training: tally.steps.training,
  });
  const last = experience.way.at(-1);
  if (last) second.experience.earlier = embed(last.policy, { from: run, to: second });
  tally.attempts++;
  run.parked = { task, tools, experience };
  Object.assign(run, second);
}

/** Lets the better attempt go on; what the other held is free afterwards. */
export async function decide(run: TrainingRun): Promise<AttemptEvent> {
  const { tools, experience, tally } = run;
  const first = run.parked!;
  run.parked = undefined;
  const [own, other] = [experience, first.experience].map(({ reached }) => lateOf(reached));
  if (leads(own, other, SLIGHTLY)) {
    await first.tools.learner.close();
    return eventOf(run, { reached: own, beside: other });
  }
  const { before } = first.experience;
  before.episodes += tally.episodes - experience.before.episodes;
  before.parts += tally.parts - experience.before.parts;
  before.training += tally.steps.training - experience.before.training;
  Object.assign(run, first);
  await tools.learner.close();
  await tools.runner.close();
  return eventOf(run, { reached: other, beside: own });
}

function eventOf(
  { task }: TrainingRun,
  { reached, beside }: { reached: readonly number[]; beside: readonly number[] },
): AttemptEvent {
  const { hiddenSizes } = task.config.policy;
  const meanOf = (cycles: readonly number[]) => cycles.length > 0 ? summarise(cycles).mean : null;
  return { kind: "attempt", hiddenSizes, return: meanOf(reached), beside: meanOf(beside) };
}

/** Gives the policy with hidden layers that does what a linear one does, [P]; undefined where none can. */
function embed(
  policy: StoredPolicy,
  { from, to }: { from: Attempt; to: Attempt },
): StoredPolicy | undefined {
  const [, beside] = seeingLayers(to.task.shape);
  if (!beside) return undefined;
  const linear = toPolicyOrder(from.tools.model, policy);
  const parameters = new Float32Array(to.task.shape.parameterCount) as typeof linear;
  [...beside.weights, ...beside.biases].forEach((place, i) => parameters[place] = linear[i]);
  return toGeneratorOrder(to.tools.model, parameters);
}
