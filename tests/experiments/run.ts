/**
 * `deno task experiments`: trains the runs of a table, measures how each generator obeys, and prints the
 * table in Markdown with the command that repeats it.
 *
 *     deno task experiments TABLE --out FOLDER [--seeds 11,12,13] [--only TEXT] [--points 21]
 *
 * A run's folder is named by its row and seed; a finished one is read instead of trained again, so an
 * interrupted table goes on where it stopped. Every measurement uses episodes that no run has seen.
 */

import { parseArgs } from "node:util";
import { registry } from "../../envs/registry.ts";
import { searchEpisodes } from "../../lib/cli/commands/generate.ts";
import { systemClock } from "../../lib/system/clock.ts";
import { findOption, parseOption, resolveConfig } from "../../lib/config/config.ts";
import { type Curve, measureCurve } from "../../lib/generator/curve.ts";
import {
  asManySteps,
  createLocalRunner,
  type EpisodeRunner,
  type MeasuredReturn,
  measureReturn,
} from "../../lib/episodes/evaluate.ts";
import { childPath, isThere, makeFolder, writeFileAtomic } from "../../lib/system/files.ts";
import { loadGenerator, type TrainedGenerator } from "../../lib/generator/generator_file.ts";
import { findPolicy, type FoundPolicy } from "../../lib/generator/find_policy.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME } from "../../lib/run/layout.ts";
import { presetLayers } from "../../lib/config/presets.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import type { Episode } from "../../lib/episodes/rollout.ts";
import { summarise } from "../../lib/numbers/statistics.ts";
import { trainInFolder } from "../../lib/run/session.ts";
import { models } from "../../models/models.ts";
import { type Row, type TableName, TABLES } from "./tables.ts";

/** What is kept of a run. */
interface RunRecord {
  readonly label: string;
  readonly env: string;
  readonly seed: number;
  readonly steps: number;
  readonly stepsByPurpose: object;
  readonly final: { readonly mean: number; readonly std: number; readonly n: number };
  /** Requests from a random policy's return to 97 % of the best. */
  readonly from: number;
  readonly to: number;
  readonly curve: Pick<Curve, "mae" | "spearman" | "coverage" | "points">;
  /** Of the random requests, how many `generate` met within 5 % of the range. */
  readonly met: number;
  readonly wallSeconds: number;
}

/** Episodes of each request; more where they are short. */
const CHECK_EPISODES = 20;
/** What `generate` found is measured so often at most, until its mean is known to a share of the tolerance. */
const CHECK_ROUNDS = 10;
const CHECK_PRECISION = 0.25;
const MEASURE_SEED = 1_000_003;
const RANDOM_REQUESTS = 20;
const TOP_SHARE = 0.97;
const TOLERANCE_SHARE = 0.05;
/** Policies of the warm-up stand for random policies. */
const RANDOM_POLICIES = 10;

async function runOne(
  row: Row,
  { seed, folder, points }: { seed: number; folder: string; points: number },
) {
  const recordPath = childPath(folder, "record.json");
  if (isThere(recordPath)) return JSON.parse(Deno.readTextFileSync(recordPath)) as RunRecord;
  const values = new Map<string, unknown>([["env", row.env], ["steps", row.steps], ["seed", seed]]);
  for (const [name, value] of Object.entries(row.set ?? {})) {
    values.set(name, parseOption(findOption(name), String(value), "the table"));
  }
  const layers = [...presetLayers(row.preset, row.env), { source: "the table", values }];
  const { config } = resolveConfig(layers);
  const resume = isThere(childPath(folder, CONFIG_FILE_NAME));
  const result = await trainInFolder(config, {
    registry,
    models,
    folder,
    preset: row.preset,
    session: { device: "cpu", threads: 1 },
    clock: systemClock(),
    signal: new AbortController().signal,
    resume,
    onProgress: () => {},
  });
  const generator = loadGenerator(childPath(folder, GENERATOR_FILE_NAME), {
    specOf: (id) => registry.spec(id),
    models,
    session: { device: "cpu", threads: 1 },
  });
  const env = await registry.make(row.env);
  const runner = createLocalRunner(env, models.createPolicy(env.spec, generator.shape));
  const from = summarise(generator.seenReturns.slice(0, RANDOM_POLICIES)).mean;
  const best = result.finalReturn!;
  const to = from + TOP_SHARE * (best.mean - from);
  const curve = await measureCurve(generator, {
    points,
    from,
    to,
    episodes: asManySteps(env.spec, CHECK_EPISODES),
    seed: MEASURE_SEED,
    runner,
  });
  const met = await countMet(generator, {
    requests: row.requests ?? RANDOM_REQUESTS,
    from,
    to,
    seed,
    runner,
  });
  await generator.pass.close();
  await env.close();
  const record: RunRecord = {
    label: row.label,
    env: row.env,
    seed,
    steps: result.steps,
    stepsByPurpose: result.stepsByPurpose,
    final: { mean: best.mean, std: best.std, n: best.n },
    from,
    to,
    curve: { ...curve, mae: curve.mae / (to - from) },
    met,
    wallSeconds: result.wallSeconds,
  };
  writeFileAtomic(recordPath, JSON.stringify(record) + "\n");
  return record;
}

/**
 * Counts of random requests how many policies of `generate` come within the tolerance when they are measured
 * again: the search may have been lucky with its own episodes.
 */
async function countMet(
  generator: TrainedGenerator,
  { requests, from, to, seed, runner }: {
    requests: number;
    from: number;
    to: number;
    seed: number;
    runner: EpisodeRunner;
  },
): Promise<number> {
  const tolerance = TOLERANCE_SHARE * (to - from);
  const rng = Rng.fromSeed([MEASURE_SEED, seed]);
  const wanted = Array.from({ length: requests }, () => rng.uniform(from, to));
  let met = 0;
  for (const [i, requested] of wanted.entries()) {
    const found = await findPolicy(generator, {
      requested,
      tolerance,
      ...searchEpisodes(generator.spec),
      seed: MEASURE_SEED + i,
      runner,
    });
    const { mean } = await measureSurely(found, { generator, tolerance, rng, runner });
    if (Math.abs(mean - requested) <= tolerance) met++;
  }
  return met;
}

/** Measures a policy on fresh seeds until its mean is known to a share of the tolerance, or for the last time. */
async function measureSurely(
  { parameters }: FoundPolicy,
  { generator: { spec, normaliser }, tolerance, rng, runner }: {
    generator: TrainedGenerator;
    tolerance: number;
    rng: Rng;
    runner: EpisodeRunner;
  },
): Promise<MeasuredReturn> {
  const episodes: Episode[] = [];
  for (let round = 1;; round++) {
    const length = asManySteps(spec, CHECK_EPISODES);
    const seeds = Array.from({ length }, () => rng.nextUint32());
    episodes.push(...(await runner.run([{ parameters, seeds }], normaliser))[0]);
    const measured = measureReturn(episodes);
    const halfWidth = measured.ci95[1] - measured.mean;
    if (halfWidth <= CHECK_PRECISION * tolerance || round === CHECK_ROUNDS) return measured;
  }
}

function renderRow(row: Row, records: readonly RunRecord[]): string {
  const finals = records.map(({ final }) => final.mean);
  const { mean, std } = summarise(finals);
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const average = (pick: (record: RunRecord) => number) => summarise(records.map(pick)).mean;
  return [
    row.label,
    records.map(({ seed }) => seed).join(" "),
    finals.map((value) => value.toFixed(0)).join(" "),
    `${mean.toFixed(0)} +- ${std.toFixed(0)}`,
    average(({ curve }) => curve.spearman).toFixed(3),
    share(average(({ curve }) => curve.mae)),
    share(average(({ curve }) => curve.coverage)),
    row.requests === 0 ? "-" : records.map(({ met }) => met).join(" "),
  ].join(" | ");
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      out: { type: "string" },
      seeds: { type: "string" },
      only: { type: "string" },
      points: { type: "string", default: "21" },
    },
  });
  const name = positionals[0] as TableName;
  if (!values.out || !Object.hasOwn(TABLES, name)) {
    throw new Error(`Cannot run experiments: name one of ${Object.keys(TABLES)} and --out FOLDER`);
  }
  const lines = [
    "| runs | seeds | final return by seed | mean +- deviation | rank correlation | mean error | met within 10 % | met of 20 |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const row of TABLES[name] as readonly Row[]) {
    if (values.only && !row.label.includes(values.only)) continue;
    const seeds = values.seeds ? values.seeds.split(",").map(Number) : row.seeds;
    const records: RunRecord[] = [];
    for (const seed of seeds) {
      const folder = childPath(
        values.out,
        `${row.label.replaceAll(/[^A-Za-z0-9]+/g, "-")}-seed${seed}`,
      );
      makeFolder(values.out);
      records.push(await runOne(row, { seed, folder, points: Number(values.points) }));
      const text = renderRow(row, records);
      Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
    }
    lines.push(`| ${renderRow(row, records)} |`);
  }
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("\n") + "\n"));
}
