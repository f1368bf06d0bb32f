/**
 * Times whole runs by what the time went on, on one core and on two, and an update of the method as published
 * beside its public code's, in turns:
 *
 *     deno task bench --runs [--rounds 3] [--only Swimmer-v5]
 *     deno task bench --runs --reference DIR [--python PYTHON]
 *
 * DIR is a checkout of github.com/JacopoD/udrlpg_ (tests/bench/peer_reference.py says what its Python needs).
 * Cores are taken away with `taskset`, so that the compiler's and the collector's threads count as well.
 */

import { parseArgs } from "node:util";
import type { SecondsByPurpose } from "../../lib/run/pace.ts";

/** A run of the default preset. */
interface Subject {
  readonly env: string;
  readonly steps: number;
}

/** What people run first, short episodes and long ones. */
const SUBJECTS: readonly Subject[] = [
  { env: "CartPole-v1", steps: 50_000 },
  { env: "Swimmer-v5", steps: 200_000 },
  { env: "Hopper-v5", steps: 200_000 },
  { env: "HalfCheetah-v5", steps: 200_000 },
];

/** The method as published, in an environment of short and in one of long episodes: the public code takes minutes. */
const PUBLISHED: readonly (Subject & { readonly referenceSteps: number })[] = [
  // This program starts no episode that might not fit: of 1,000 steps, the time limit, it would run a single one.
  { env: "InvertedPendulum-v4", steps: 2_000, referenceSteps: 1_000 },
  { env: "Swimmer-v4", steps: 30_000, referenceSteps: 20_000 },
];

const CORES = [1, 2] as const;

/** One timed run. */
interface Timed {
  readonly wallSeconds: number;
  readonly updates: number;
  readonly secondsByPurpose: SecondsByPurpose;
}

/** What whole runs on so many cores took: medians over rounds. */
export interface RunBenchRow {
  readonly name: string;
  readonly cores: number;
  readonly rounds: number;
  /** Start of the process to its end. */
  readonly seconds: number;
  readonly secondsByPurpose: SecondsByPurpose;
  /** Share of the session that is neither training nor updates. */
  readonly shareOfTheRest: number;
  /** How many times faster than on one core, in the middle round. */
  readonly speedUp: number;
  /** The same of rollouts and updates alone. */
  readonly trainingSpeedUp: number;
}

/** Trains once on so many cores. */
async function train(
  { env, steps }: Subject,
  { cores, settings = [] }: { cores: number; settings?: readonly string[] },
): Promise<Timed> {
  const folder = await Deno.makeTempDir({ prefix: "udrlpg-bench-" });
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const places = Array.from({ length: cores }, (_, core) => core).join(",");
  try {
    const { code, stdout, stderr } = await new Deno.Command("taskset", {
      args: [
        ...["-c", places, Deno.execPath(), "run", "-A", "--no-check", main, "train", "--json"],
        ...["--env", env, "--steps", String(steps), "--out", `${folder}/run`, ...settings],
        ...["--workers", String(cores), "--quiet"],
      ],
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function trainingSeconds({ secondsByPurpose: { training, updates } }: Timed): number {
  return training + updates;
}

function rowOf(
  { env, steps }: Subject,
  { cores, runs, alone }: { cores: number; runs: readonly Timed[]; alone: readonly Timed[] },
): RunBenchRow {
  const purposes = Object.keys(runs[0].secondsByPurpose) as (keyof SecondsByPurpose)[];
  const speedUp = (seconds: (run: Timed) => number) =>
    median(runs.map((run, i) => seconds(alone[i]) / seconds(run)));
  return {
    name: `${env}, ${steps} steps`,
    cores,
    rounds: runs.length,
    seconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    secondsByPurpose: Object.fromEntries(
      purposes.map((name) => [name, median(runs.map((run) => run.secondsByPurpose[name]))]),
    ) as SecondsByPurpose,
    shareOfTheRest: median(runs.map((run) => 1 - trainingSeconds(run) / run.wallSeconds)),
    speedUp: speedUp(({ wallSeconds }) => wallSeconds),
    trainingSpeedUp: speedUp(trainingSeconds),
  };
}

/** Times runs of the default preset, each round on one core and on two in turns; a row is there once it is measured. */
export async function* benchRuns(
  { rounds, only }: { rounds: number; only?: string | undefined },
): AsyncGenerator<RunBenchRow> {
  for (const subject of SUBJECTS.filter(({ env }) => only === undefined || env === only)) {
    const runs: Timed[][] = CORES.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, cores] of CORES.entries()) runs[i].push(await train(subject, { cores }));
    }
    yield* CORES.map((cores, i) => rowOf(subject, { cores, runs: runs[i], alone: runs[0] }));
  }
}

/** The method as published beside its public code. */
export interface ReferenceBenchRow {
  readonly name: string;
  readonly rounds: number;
  /** For an update and its eighth of a rollout, of this program on one core: the preset `paper` without reports. */
  readonly secondsAnUpdate: number;
  /** The same of the public code with one thread on one core, without its reports. */
  readonly referenceSecondsAnUpdate: number;
  /** How many times faster this program is, in the middle round. */
  readonly speedUp: number;
}

const PAPER = ["--preset", "paper", "--set", "reports.evaluations=0", "--set", "reports.sweeps=0"];

/** Trains once with the public code and gives the seconds for each of its updates. */
async function trainReference(
  { env, referenceSteps: steps }: (typeof PUBLISHED)[number],
  { checkout, python }: { checkout: string; python: string },
): Promise<number> {
  const script = new URL("./peer_reference.py", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command("taskset", {
    args: ["-c", "0", python, script, checkout, env, String(steps)],
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const { seconds, updates } = JSON.parse(new TextDecoder().decode(stdout));
  return seconds / updates;
}

/** Times the updates and rollouts of the preset `paper` and of the public code, in turns; a row is there once it is measured. */
export async function* benchReference(
  { rounds, only, ...reference }: {
    rounds: number;
    only?: string | undefined;
    checkout: string;
    python: string;
  },
): AsyncGenerator<ReferenceBenchRow> {
  for (const subject of PUBLISHED.filter(({ env }) => only === undefined || env === only)) {
    const [ours, theirs]: number[][] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const run = await train(subject, { cores: 1, settings: PAPER });
      ours.push(trainingSeconds(run) / run.updates);
      theirs.push(await trainReference(subject, reference));
    }
    yield {
      name: `${subject.env} as published`,
      rounds,
      secondsAnUpdate: median(ours),
      referenceSecondsAnUpdate: median(theirs),
      speedUp: median(ours.map((seconds, i) => theirs[i] / seconds)),
    };
  }
}

/** Reads the words after --runs and measures what they ask for, row by row. */
export function benchWholeRuns(
  words: readonly string[],
): AsyncGenerator<RunBenchRow | ReferenceBenchRow> {
  const { values: { rounds, only, reference, python } } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      reference: { type: "string" },
      python: { type: "string", default: "python3" },
    },
  });
  const what = { rounds: Number(rounds), only };
  return reference === undefined
    ? benchRuns(what)
    : benchReference({ ...what, checkout: reference, python });
}
