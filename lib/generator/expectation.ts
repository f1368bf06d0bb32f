/**
 * What a request may expect, before a single episode is run: how many episodes it will take and how likely it
 * is to be met.
 *
 * The very search that is to come (lib/generator/answer.ts) is played through many times with a stand-in for
 * generator and environment, each time another one that the calibration may have come from: mean returns are drawn
 * around what was measured, as surely as so few episodes tell them; between measured commands lies a slope or a cliff;
 * and each policy has luck of its own besides, and is steadier or wilder than its neighbours. What the stand-in leaves
 * out is what noise on weights does, which here moves the command.
 */

import type { Episode } from "../episodes/rollout.ts";
import type { GeneratedPolicy } from "../policy_space.ts";
import type { Rng } from "../numbers/rng.ts";
import { streamFor } from "../numbers/streams.ts";
import { type AnswerOptions, answerRequest, type Request } from "./answer.ts";
import {
  type Calibration,
  type CalibrationPoint,
  likelyDeviation,
  reachableRange,
} from "./calibration.ts";
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

/** Searches that are played: the likelihood is then known to about 7 %, which takes a tenth of a second. */
const SEARCHES = 50;

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
/**
 * What lies between two measured commands: a cliff of any width, or else a slope; and mostly episodes that return what
 * the one end does or what the other does, mixed (found as above).
 */
const OF_GAPS = { cliff: 0.7, mixed: 0.8, narrowest: 1e-3 };

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
  const range = points[points.length - 1].command - points[0].command;
  const policyOf = drawPolicies(points, rng);
  let played = 0;
  return {
    generator: {
      calibration,
      model: { order: Int32Array.of(0), answers },
      shape: { scale: Float32Array.of(range) },
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
          const play = policyOf(command);
          played += seeds.length;
          return seeds.map(() => episodeOf(play()));
        })),
    },
    seedOf: () => 0,
    played: () => played,
  };
}

function episodeOf(value: number): Episode {
  return { return: value, survivalReturn: 0, length: 1, terminated: true };
}

/** Draws what policies return: gives what plays an episode with that of a command, always the same one. */
function drawPolicies(
  points: readonly CalibrationPoint[],
  rng: Rng,
): (command: number) => () => number {
  const deviations = points.map((_, i) => likelyDeviation(points, i));
  let luck = 0;
  const means = points.map(({ mean, n }, i) => {
    // Points of one plateau were measured as one.
    if (i === 0 || mean !== points[i - 1].mean) luck = rng.standardNormal();
    return mean + luck * deviations[i] / Math.sqrt(n);
  });
  const gaps = points.slice(1).map(() => drawGap(rng));
  const policies = new Map<number, () => number>();
  const draw = (command: number) => {
    const above = points.findIndex((point) => point.command >= command);
    const high = above < 0 ? points.length - 1 : above;
    const low = Math.max(0, high - 1);
    const width = points[high].command - points[low].command;
    const place = width > 0 ? Math.min(1, (command - points[low].command) / width) : 1;
    const { shareOf, isMixed } = gaps[low] ?? { shareOf: () => 1, isMixed: false };
    const share = shareOf(Math.max(0, place));
    const steadiness = OF_POLICIES.episodes *
      Math.exp(OF_POLICIES.steadiness * rng.standardNormal());
    const offset = OF_POLICIES.mean * rng.standardNormal();
    return () => {
      const part = isMixed ? Number(rng.random() < share) : share;
      const usual = deviations[low] + part * (deviations[high] - deviations[low]);
      const mean = means[low] + part * (means[high] - means[low]);
      return mean + usual * (offset + steadiness * rng.standardNormal());
    };
  };
  return (command) => {
    const policy = policies.get(command) ?? draw(command);
    policies.set(command, policy);
    return policy;
  };
}

/** Draws what lies between two commands: how far up a place on the way, 0 to 1, is. */
function drawGap(rng: Rng): { shareOf: (place: number) => number; isMixed: boolean } {
  const isCliff = rng.random() < OF_GAPS.cliff;
  const isMixed = rng.random() < OF_GAPS.mixed;
  const width = OF_GAPS.narrowest ** rng.random();
  const foot = rng.random() * (1 - width);
  const shareOf = (place: number) =>
    isCliff ? Math.min(1, Math.max(0, (place - foot) / width)) : place;
  return { shareOf, isMixed };
}
