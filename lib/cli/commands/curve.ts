/** `udrlpg curve`: requested against achieved returns over the range of a generator. */

import { merge, object } from "@optique/core/constructs";
import { reachableRange } from "../../generator/calibration.ts";
import { type Curve, measureCurve } from "../../generator/curve.ts";
import { curveToCsv, curveToSvg } from "../../generator/curve_files.ts";
import { svgChartToPng } from "../../formats/svg_picture.ts";
import { writeFileAtomic } from "../../system/files.ts";
import {
  episodesOf,
  episodesOption,
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
  openGenerator,
  workersOption,
} from "../generator_source.ts";
import {
  envCommandOptions,
  envWorkersOption,
  trustModuleOption,
  withEnvironments,
} from "../env_command.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr } from "../options.ts";
import { endingOf } from "../paths.ts";
import { fileValue, integerValue } from "../values.ts";

/** The options of `udrlpg curve`. */
export interface CurveValues extends GeneratorOptions {
  /** --points */
  readonly points: number;
  /** --episodes */
  readonly episodes: number | undefined;
  /** --seed */
  readonly seed: number;
  /** --out */
  readonly out: string | undefined;
}

const DEFAULT_POINTS = 21;

type Renderer = (curve: Curve) => string | Uint8Array;
const RENDERERS: Readonly<Record<string, Renderer>> = {
  ".svg": curveToSvg,
  ".dark.png": (curve) => svgChartToPng(curveToSvg(curve), { isDark: true }),
  ".png": (curve) => svgChartToPng(curveToSvg(curve)),
  ".csv": curveToCsv,
  ".json": (curve) => `${JSON.stringify(curve)}\n`,
};

/** The `curve` command. */
export const curveCommand: Command<CurveValues> = {
  description: [
    "Asks for returns evenly over the range that the generator was measured to reach, runs every policy, and sums up: mean absolute error, rank correlation (Spearman), and the share of requests met within a tenth of the range. `seen` tells whether training met such a return.",
  ],
  examples: [
    { command: "udrlpg curve --run runs/swimmer", does: "As a table" },
    { command: "udrlpg curve --run runs/swimmer --out curve.svg", does: "As a picture too" },
    {
      command: "udrlpg curve --generator generator.safetensors --points 50 --episodes 20 --json",
      does: "Finer and surer, for a script",
    },
  ],
  exclusive: [GENERATOR_OPTIONS],
  parser: () =>
    merge(
      object("The generator", { path: generatorWord(), ...generatorOptions() }),
      object("An environment of your own", {
        ...envCommandOptions(),
        envWorkers: envWorkersOption(),
        trust: trustModuleOption(),
      }),
      object("The curve", {
        points: settingOr("--points", integerValue({ metavar: "N", min: 1, max: 1e5 }), {
          fallback: DEFAULT_POINTS,
          doc: "Returns to ask for",
        }),
        episodes: episodesOption("--episodes", "Episodes for each"),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of the episodes",
        }),
        workers: workersOption(),
        out: setting(
          "--out",
          fileValue("FILE", Object.keys(RENDERERS)),
          `File for the curve, which ends in ${Object.keys(RENDERERS).join(", ")}`,
        ),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runCurve),
};

async function runCurve(values: CurveValues, context: CommandContext): Promise<void> {
  const { out, points, episodes, seed } = values;
  const render = out === undefined
    ? undefined
    : RENDERERS[endingOf(out, { does: "write a curve", endings: Object.keys(RENDERERS) })];
  const source = await openGenerator(values, context, "measure a curve");
  try {
    const { min, max } = reachableRange(source.generator.calibration);
    const progress = context.output.progress("episodes");
    const each = episodesOf(source.generator.spec, episodes);
    const total = points * each;
    let done = 0;
    let facts: [label: string, value: string][] = [];
    const curve = await measureCurve(source.generator, {
      points,
      episodes: each,
      seed,
      from: min,
      to: max,
      runner: source.runner,
      onPoint({ requested, mean }) {
        facts = [["asked", formatNumber(requested)], ["got", formatNumber(mean)]];
      },
      onEpisode: () => progress.update({ phase: "measuring", done: ++done, total, facts }),
    });
    context.output.endProgress();
    if (out !== undefined) {
      writeFileAtomic(out, render!(curve), { kind: "curve", followLinks: true });
    }
    context.output.result(curve, () => describeCurve(curve, out));
  } finally {
    await source.close();
  }
}

function describeCurve(
  { points, mae, spearman, coverage }: Curve,
  out: string | undefined,
): string[] {
  return [
    ...formatTable([
      ["requested", "achieved", "deviation", "seen"],
      ...points.map(({ requested, mean, std, seen }) => [
        formatNumber(requested),
        formatNumber(mean),
        formatNumber(std),
        seen ? "yes" : "no",
      ]),
    ]),
    "",
    `Mean absolute error  ${formatNumber(mae)}`,
    `Rank correlation     ${formatNumber(spearman, 3)}`,
    `Met within a tenth   ${
      Number.isNaN(coverage) ? "-" : `${formatNumber(100 * coverage, 3)} % of the requests`
    }`,
    ...(out === undefined ? [] : [`Written to           ${out}`]),
  ];
}
