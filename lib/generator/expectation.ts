/**
 * What a request may expect, before a single episode is run: how many episodes it will take and how likely it
 * is to be met.
 *
 * The very search that is to come (lib/generator/answer.ts) is played through many times with a stand-in for
 * generator and environment, each time another one that the calibration may have come from: mean returns are drawn
 * around what was measured, as surely as so few episodes tell them, and lie on straight lines between measured
 * commands, but each policy has luck of its own besides, and is steadier or wilder than its neighbours. What the
 * stand-in leaves out: that returns are no normal numbers, and what noise on weights does, which here moves the
 * command.
 */

import type { Episode } from "../episodes/rollout.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import type { Rng } from "../numbers/rng.ts";
import { streamFor } from "../numbers/streams.ts";
import { type AnswerOptions, answerRequest, type Request } from "./answer.ts";
import { type Calibration, likelyDeviation, reachableRange } from "./calibration.ts";
import type { SearchedGenerator } from "./find_policy.ts";

/** What a request may expect. */
export interface Expectation {
  /** Whether it lies between the returns that the generator was measured to reach, or need only be exceeded. */
  readonly reachable: boolean;
  /** Episodes, the proof's included: in every second case no more. */
  readonly episodes: number;
  /** Eight of ten cases lie between these. */
  readonly range: readonly [low: number, high: number];
  /** How likely it is to be met. */
  readonly probability: number;
}

/** Searches that are played: the likelihood is then known to about 5 %. */
const SEARCHES = 100;

/** Works out what a request may expect. It runs no episode and generates no policy. */
export async function expectAnswer(
  { calibration, model: { answers } }: {
    readonly calibration: Calibration;
    readonly model: Pick<SearchedGenerator["model"], "answers">;
  },
  request: Request,
  options: Omit<AnswerOptions, "runner" | "onProgress">,
): Promise<Expectation> {
  const counts: number[] = [];
  let met = 0;
  for (let i = 0; i < SEARCHES; i++) {
    const rng = streamFor(options.seed, "expectation", i);
    const world = drawWorld(calibration, answers, rng);
    const delivered = await answerRequest(world.generator, request, { ...options, ...world });
    if (delivered.met) met++;
    counts.push(world.played());
  }
  counts.sort((a, b) => a - b);
  const { min, max } = reachableRange(calibration);
  const { requested, aim } = request;
  const at = (share: number) => counts[Math.round(share * (SEARCHES - 1))];
  return {
    reachable: requested <= max && (requested >= min || aim === "atLeast"),
    episodes: at(0.5),
    range: [at(0.1), at(0.9)],
    probability: met / SEARCHES,
  };
}

/**
 * How policies differ, in deviations of the episodes that were measured around them: one's mean from that of its
 * neighbours, the episodes of one policy, and how much steadier or wilder than others one may be (a factor of e to
 * a normal number of this size). Found on trained runs (tests/experiments/NOTEBOOK.md).
 */
const OF_POLICIES = { mean: 0.7, episodes: 0.7, steadiness: 0.7 };

/** A generator and an environment that may have given a calibration. */
interface World {
  readonly generator: SearchedGenerator;
  readonly runner: AnswerOptions["runner"];
  /** Nothing depends on them, and making them would take longer than all else. */
  readonly seedOf: () => number;
  /** Counts the episodes so far. */
  played(): number;
}

/** Draws a world: its policies are a single number, their command. */
function drawWorld(
  calibration: Calibration,
  answers: SearchedGenerator["model"]["answers"],
  rng: Rng,
): World {
  const { points } = calibration;
  const deviations = points.map((_, i) => likelyDeviation(points, i));
  let luck = 0;
  const means = points.map(({ mean, n }, i) => {
    // Points of one plateau were measured as one.
    if (i === 0 || mean !== points[i - 1].mean) luck = rng.standardNormal();
    return mean + luck * deviations[i] / Math.sqrt(n);
  });
  const commands = points.map(({ command }) => command);
  let played = 0;
  const policies = new Map<number, { mean: number; deviation: number }>();
  const draw = (command: number) => {
    const usual = interpolate(commands, deviations, command);
    const mean = interpolate(commands, means, command) +
      OF_POLICIES.mean * usual * rng.standardNormal();
    const steadiness = Math.exp(OF_POLICIES.steadiness * rng.standardNormal());
    return { mean, deviation: OF_POLICIES.episodes * usual * steadiness };
  };
  return {
    generator: {
      calibration,
      model: { order: Int32Array.of(0), answers },
      shape: { scale: Float32Array.of(commands[commands.length - 1] - commands[0]) },
      values: {},
      normaliser: { mean: Float64Array.of(0), deviation: Float64Array.of(1) },
      pass: {
        run: (_, { commands }) =>
          Promise.resolve(commands.map((command) => Float32Array.of(command) as GeneratedPolicy)),
      },
    },
    runner: {
      run: (jobs) =>
        Promise.resolve(jobs.map(({ parameters: [command], seeds }) => {
          const policy = policies.get(command) ?? draw(command);
          policies.set(command, policy);
          played += seeds.length;
          const { mean, deviation } = policy;
          return seeds.map(() => episodeOf(mean + deviation * rng.standardNormal()));
        })),
    },
    seedOf: () => 0,
    played: () => played,
  };
}

function episodeOf(value: number): Episode {
  return { return: value, survivalReturn: 0, length: 1, terminated: true };
}

/** The value at `x` on the lines between points of rising `xs`; beyond the ends as at the ends. */
function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const above = xs.findIndex((each) => each >= x);
  if (above < 0) return ys[ys.length - 1];
  if (above === 0) return ys[0];
  const share = (x - xs[above - 1]) / (xs[above] - xs[above - 1]);
  return ys[above - 1] + share * (ys[above] - ys[above - 1]);
}
