/**
 * Trains one run and measures it, by nothing but the commands and the JSON that users script against: what
 * is measured is what a user gets.
 *
 * Every figure comes from episodes that no run and no search has seen: their seeds lie far from those of
 * the runs, and a policy that a search has found is measured again.
 */

import type { ProgramRun } from "../support/program.ts";
import { registry } from "../../envs/registry.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { spearman, summarise } from "../../lib/numbers/statistics.ts";
import { METRICS_FILE_NAME } from "../../lib/run/layout.ts";
import { binByStep, keepEvenly } from "../../lib/report/thin.ts";
import { childPath, isThere } from "../../lib/system/files.ts";
import type { Obedience, RunRecord } from "./records.ts";
import { PRESET, type Row } from "./tables.ts";

/** Runs a command of the program with what it needs to print one JSON document. */
export type Call = (argv: readonly string[]) => Promise<ProgramRun>;

/** What to measure, and where. */
export interface MeasureOptions {
  readonly seed: number;
  /** Run folder, which is gone on with where it exists. */
  readonly folder: string;
  readonly call: Call;
}

/** What a measurement gives; who asked for it, and when, is added by the caller. */
export type Measured = Pick<
  RunRecord,
  "final" | "best" | "learning" | "obeys" | "simulatedSteps" | "wallSeconds" | "cores"
>;

/** Cores of a run. */
const CORES = 1;
/** Episodes of the final measurement, and of each request where they are long. */
const EPISODES = 20;
/** Points of a learning curve. */
const LEARNING_POINTS = 25;
/** Fewer evaluations are no curve. */
const FEWEST_EVALUATIONS = 5;
/** Steps that such a measurement has where episodes are long; short ones are repeated up to that. */
const EPISODE_STEPS = 1000;
/** Requests of the curve. */
const POINTS = 21;
/** The highest request, as a share of the way from a random policy to the best. */
const TOP_SHARE = 0.97;
/** A request is met within this share of the range. */
const TOLERANCE_SHARE = 0.05;
/** Episodes at the start of a run that stand for random policies. */
const RANDOM_POLICIES = 10;
/** A found policy is measured until half its interval is this share of the tolerance... */
const CHECK_PRECISION = 0.25;
/** ...or for this many times the usual episodes. */
const CHECK_ROUNDS = 10;
/** Seeds of the measurements: 1,000 to each purpose. */
const FINAL_SEED = 1_000_000;
const CURVE_SEED = 1_001_000;
const SEARCH_SEED = 1_002_000;
const CHECK_SEED = 1_003_000;
/** More than any policy earns: it is answered with the best one. */
const HIGHEST_REQUEST = 1e12;

interface TrainDocument {
  readonly bestReturn: number;
  readonly wallSeconds: number;
  readonly stepsByPurpose: Readonly<Record<string, number>>;
}

interface Return {
  readonly mean: number;
  readonly std: number;
  readonly n: number;
  readonly ci95: readonly [number | null, number | null];
}

/** Trains a run, or goes on with it, and measures its generator. */
export async function measureRun(row: Row, options: MeasureOptions): Promise<Measured> {
  const { seed, folder, call } = options;
  const wasThere = isThere(folder);
  const set = Object.entries(row.set ?? {}).flatMap((
    [name, value],
  ) => ["--set", `${name}=${value}`]);
  const { bestReturn, wallSeconds, stepsByPurpose } = await ask<TrainDocument>(call, [
    ...["train", "--env", row.env, "--preset", row.preset ?? PRESET, "--steps", `${row.steps}`],
    ...["--seed", `${seed}`, ...set, "--out", folder, "--continue"],
    ...["--device", "cpu", "--threads", `${CORES}`, "--workers", `${CORES}`],
  ]);
  const tools = { call, folder, episodes: countEpisodes(row.env) };
  const policy = await generate(tools, ["--return", `${HIGHEST_REQUEST}`, "--verify", "1"]);
  const { mean, std, n } = await evaluate(tools, policy, { seed: FINAL_SEED, episodes: EPISODES });
  const from = summarise(firstReturns(folder)).mean;
  const to = from + TOP_SHARE * (mean - from);
  return {
    final: { mean, std, n },
    best: bestReturn,
    learning: learningOf(folder),
    ...(to > from && !row.isOne
      ? { obeys: await measureObedience(tools, { from, to, seed, row }) }
      : {}),
    simulatedSteps: Object.values(stepsByPurpose).reduce((sum, steps) => sum + steps, 0),
    ...(wasThere ? {} : { wallSeconds }),
    cores: CORES,
  };
}

interface Tools {
  readonly call: Call;
  readonly folder: string;
  /** Episodes of a request. */
  readonly episodes: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

async function measureObedience(
  tools: Tools,
  { from, to, seed, row }: Range & { seed: number; row: Row },
): Promise<Obedience> {
  const points: [number, number, number, number][] = [];
  for (let i = 0; i < POINTS; i++) {
    const requested = from + i * (to - from) / (POINTS - 1);
    const policy = await generate(tools, ["--return", `${requested}`, "--verify", "1"]);
    const { mean, std, n } = await evaluate(tools, policy, { seed: CURVE_SEED + i });
    points.push([requested, mean, std, n]);
  }
  const generated = row.requests === 0
    ? {}
    : { generated: await countGenerated(tools, { from, to, seed, requests: row.requests }) };
  return { ...summarisePoints(points, { from, to }), points, ...generated };
}

/** Sums up requests and what their policies earned. */
export function summarisePoints(
  points: Obedience["points"],
  { from, to }: Range,
): Omit<Obedience, "points" | "generated"> {
  const misses = points.map(([requested, mean]) => Math.abs(mean - requested) / (to - from));
  const correlation = spearman(points.map(([x]) => x), points.map(([, y]) => y));
  return {
    from,
    to,
    ...(Number.isNaN(correlation) ? {} : { spearman: correlation }),
    meanError: summarise(misses).mean,
    met: misses.filter((miss) => miss <= TOLERANCE_SHARE).length / misses.length,
  };
}

/** Counts of random requests how many policies of `generate --tolerance` keep to it in fresh episodes. */
async function countGenerated(
  tools: Tools,
  { from, to, seed, requests }: Range & { seed: number; requests: number },
): Promise<{ met: number; of: number }> {
  const rng = Rng.fromSeed([SEARCH_SEED, seed]);
  const tolerance = TOLERANCE_SHARE * (to - from);
  let met = 0;
  for (let i = 0; i < requests; i++) {
    const requested = rng.uniform(from, to);
    const policy = await generate(tools, [
      ...["--return", `${requested}`, "--tolerance", `${tolerance}`],
      ...["--seed", `${SEARCH_SEED + i}`],
    ]);
    const { mean } = await evaluateSurely(tools, policy, { tolerance, seed: CHECK_SEED + 2 * i });
    if (Math.abs(mean - requested) <= tolerance) met++;
  }
  return { met, of: requests };
}

/** Measures a policy, and once more in as many further episodes as its mean needs to be known. */
async function evaluateSurely(
  tools: Tools,
  policy: string,
  { tolerance, seed }: { tolerance: number; seed: number },
): Promise<Return> {
  const first = await evaluate(tools, policy, { seed });
  const [low, high] = first.ci95;
  const wide = (high! - low!) / 2 / (CHECK_PRECISION * tolerance);
  if (wide <= 1) return first;
  // The interval narrows with the root of the number of episodes.
  const episodes = Math.ceil(first.n * Math.min(CHECK_ROUNDS, wide ** 2));
  return evaluate(tools, policy, { seed: seed + 1, episodes });
}

async function generate({ call, folder }: Tools, options: readonly string[]): Promise<string> {
  const policy = childPath(folder, "measured.onnx");
  const UNREACHABLE = 5;
  const where = ["--run", folder, "--out", policy, "--workers", `${CORES}`];
  await ask(call, ["generate", ...where, ...options], [0, UNREACHABLE]);
  return policy;
}

async function evaluate(
  tools: Tools,
  policy: string,
  { seed, episodes = tools.episodes }: { seed: number; episodes?: number },
): Promise<Return> {
  const options = ["--episodes", `${episodes}`, "--seed", `${seed}`];
  const document = await ask<{ return: Return }>(tools.call, ["evaluate", policy, ...options]);
  return document.return;
}

async function ask<T>(call: Call, argv: readonly string[], codes = [0]): Promise<T> {
  const { code, stdout, stderr } = await call(argv);
  if (!codes.includes(code)) {
    const words = argv.join(" ");
    throw new Error(
      `Cannot measure a run: udrlpg ${words} must succeed, got exit code ${code}: ${stderr.trim()}`,
    );
  }
  return JSON.parse(stdout) as T;
}

function countEpisodes(env: string): number {
  const { maxEpisodeSteps } = registry.spec(env);
  return Math.max(EPISODES, Math.ceil(EPISODES * EPISODE_STEPS / maxEpisodeSteps));
}

/** What a run's best command returned while it trained; its training episodes, where that was hardly measured. */
function learningOf(folder: string): [step: number, mean: number][] {
  const events = readEvents(folder);
  const evaluations = events.filter(({ kind, final }) => kind === "evaluation" && !final);
  if (evaluations.length >= FEWEST_EVALUATIONS) {
    return keepEvenly(evaluations, LEARNING_POINTS).map(({ step, mean }) => [step, mean]);
  }
  const episodes = events.filter(({ kind }) => kind === "episode");
  const items = episodes.map((event) => ({ step: event.step, value: event.return }));
  const { steps, means } = binByStep(items, LEARNING_POINTS);
  return steps.map((step, i) => [step, means[i]]);
}

/** The returns of the first episodes that a run recorded: policies that nothing was learnt from. */
function firstReturns(folder: string): number[] {
  return readEvents(folder).filter(({ kind }) => kind === "episode").slice(0, RANDOM_POLICIES)
    .map((event) => event.return);
}

/** An episode or an evaluation of a run's metrics. */
interface RunEvent {
  readonly kind: string;
  readonly step: number;
  readonly return: number;
  readonly mean: number;
  readonly final?: boolean;
}

function readEvents(folder: string): RunEvent[] {
  return Deno.readTextFileSync(childPath(folder, METRICS_FILE_NAME)).split("\n")
    .filter((line) => line !== "").map((line) => JSON.parse(line));
}
