/** `udrlpg generate`: writes a policy for a wanted return and measures what it returns. */

import { merge, object } from "@optique/core/constructs";
import { dirname, join } from "node:path";
import { reachableRange } from "../../generator/calibration.ts";
import type { EnvSpec } from "../../env.ts";
import { UnreachableReturnError, UsageError } from "../../system/errors.ts";
import { ownLine, pathWord } from "../../system/words.ts";
import { type FindOptions, findPolicy, type FoundPolicy } from "../../generator/find_policy.ts";
import {
  writePolicy,
  WRITTEN_ENDINGS,
  WRITTEN_FORMATS,
  type WrittenFormat,
  writtenFormatOf,
} from "../../generator/policy_file.ts";
import {
  episodesOf,
  episodesOption,
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
  type OpenGenerator,
  openGenerator,
  workersOption,
} from "../generator_source.ts";
import { policyFileName } from "../../run/layout.ts";
import { formatMeasured } from "../measured.ts";
import { envCommandOptions, envCommandWords, withEnvironments } from "../env_command.ts";
import { formatNumber } from "../../numbers/format.ts";
import { asUsage } from "../blame.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr } from "../options.ts";
import { choiceValue, fileValue, integerValue, numberValue } from "../values.ts";

/** The options of `udrlpg generate`. */
export interface GenerateValues extends GeneratorOptions {
  /** --return */
  readonly return: number | undefined;
  /** --out */
  readonly out: string | undefined;
  /** --format */
  readonly format: WrittenFormat | undefined;
  /** --tolerance */
  readonly tolerance: number | undefined;
  /** --verify */
  readonly verify: number | undefined;
  /** --budget */
  readonly budget: number | undefined;
  /** --seed */
  readonly seed: number;
}

/** A search with --tolerance may run this many times the episodes of one measurement. */
const SEARCH_CANDIDATES = 100;

/** Gives how many episodes measure a policy, and how many a search may run, where nothing is said of it. */
export function searchEpisodes(
  spec: EnvSpec,
  { verify, budget }: Partial<Pick<GenerateValues, "verify" | "budget">> = {},
): Pick<FindOptions, "episodes" | "episodeBudget"> {
  const episodes = episodesOf(spec, verify);
  return { episodes, episodeBudget: budget ?? SEARCH_CANDIDATES * episodes };
}

/** The `generate` command. */
export const generateCommand: Command<GenerateValues> = {
  description: [
    "The generator's calibration turns the return into a command; the policy for it is measured over fresh episodes and written. With --tolerance the search goes on until the 95 % interval of the measured mean lies within the return +- the tolerance, in twice --verify episodes and in more the more policies it has tried; when that is not reached, the closest policy it found is written and the exit code is 5. A C header needs nothing but a C compiler, and holds a self-test.",
  ],
  examples: [
    { command: "udrlpg generate --run runs/pendulum --return 1000", does: "The best policy" },
    {
      command:
        "udrlpg generate --run runs/swimmer --return 150 --tolerance 10 --verify 20 --out p.onnx",
      does: "A policy whose mean return is 150 +- 10, checked over 20 episodes",
    },
    {
      command:
        "udrlpg sample --generator generator.safetensors --return 100 --format json --out p.json",
      does: "From a generator file alone, as JSON",
    },
    {
      command: "udrlpg generate --run runs/pendulum --return 1000 --out pole.h",
      does: "As a C header for a game or a microcontroller",
    },
  ],
  exclusive: [GENERATOR_OPTIONS],
  parser: () =>
    merge(
      object("The generator", { path: generatorWord(), ...generatorOptions() }),
      object("An environment of your own", envCommandOptions()),
      object("The policy", {
        return: setting("--return", numberValue({ metavar: "R" }), "Return that you want"),
        out: setting(
          "--out",
          fileValue("FILE", Object.values(WRITTEN_ENDINGS)),
          "Policy file (default: policy-R.onnx beside the generator)",
        ),
        format: setting(
          "--format",
          choiceValue(WRITTEN_FORMATS, "FORMAT"),
          `One of ${WRITTEN_FORMATS.join(", ")} (default: as --out ends, or onnx)`,
        ),
      }),
      object("Measuring it", {
        tolerance: setting(
          "--tolerance",
          numberValue({ metavar: "X", min: 0 }),
          "Search for a policy within this distance of the return",
        ),
        verify: episodesOption("--verify", "Episodes that measure a policy"),
        budget: setting(
          "--budget",
          integerValue({ metavar: "N", min: 1, max: 1e9 }),
          `Episodes that the search may run (default: ${SEARCH_CANDIDATES} times --verify)`,
        ),
        workers: workersOption(),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of those episodes",
        }),
      }),
    ),
  run: (values, context) => withEnvironments(values, context, runGenerate),
};

async function runGenerate(values: GenerateValues, context: CommandContext): Promise<void> {
  const { return: requested, tolerance } = values;
  if (requested === undefined) {
    throw new UsageError(
      "Cannot generate a policy: a return must be given, got none: use --return R",
    );
  }
  const format = chooseFormat(values);
  if (values.budget !== undefined && tolerance === undefined) {
    throw new UsageError(
      "Cannot generate a policy: --budget is for a search and needs --tolerance, got none",
    );
  }
  const source = await openGenerator(values, context, "generate a policy");
  try {
    warnOutside(requested, source, context);
    const found = await search(values, { requested, source, context });
    const path = values.out ??
      join(dirname(source.path), policyFileName(requested, WRITTEN_ENDINGS[format]));
    const followLinks = values.out !== undefined;
    await write(path, { found, requested, format, source, context, followLinks });
    report(path, { found, requested, source, context, values });
    if (!found.accepted) {
      throw new UnreachableReturnError(
        `Cannot generate a policy: the return must be within ${formatNumber(tolerance!)} of ${
          formatNumber(requested)
        }, got ${formatMeasured(found.measured)} at best: the closest policy is in "${path}"`,
      );
    }
  } finally {
    await source.close();
  }
}

function chooseFormat({ out, format }: GenerateValues): WrittenFormat {
  if (format !== undefined || out === undefined) return format ?? "onnx";
  return asUsage(() => writtenFormatOf(out), ", or give --format");
}

function warnOutside(requested: number, { generator }: OpenGenerator, { output }: CommandContext) {
  const { min, max } = reachableRange(generator.calibration);
  if (requested >= min && requested <= max) return;
  output.warn(
    `return ${formatNumber(requested)} is outside the range that this generator was measured to ` +
      `reach, ${formatNumber(min)} to ${formatNumber(max)}: the nearest is generated`,
  );
}

interface Search {
  readonly requested: number;
  readonly source: OpenGenerator;
  readonly context: CommandContext;
}

async function search(values: GenerateValues, { requested, source, context }: Search) {
  const { episodes, episodeBudget } = searchEpisodes(source.generator.spec, values);
  if (episodeBudget < episodes) {
    throw new UsageError(
      `Cannot generate a policy: --budget must be at least the ${episodes} episodes that measure a ` +
        `policy, got ${episodeBudget}: use --verify N`,
    );
  }
  const total = values.tolerance === undefined ? episodes : episodeBudget;
  const progress = context.output.progress("episodes");
  let done = 0;
  const found = await findPolicy(source.generator, {
    requested,
    episodes,
    episodeBudget,
    seed: values.seed,
    runner: source.runner,
    ...(values.tolerance === undefined ? {} : { tolerance: values.tolerance }),
    onCandidate({ measured }) {
      done += episodes;
      const facts = [["last", formatNumber(measured.mean)]] as const;
      progress.update({ done, total, facts });
    },
  });
  context.output.endProgress();
  return found;
}

interface Result extends Search {
  readonly found: FoundPolicy;
}

async function write(
  path: string,
  { found, requested, format, source, context, followLinks }: Result & {
    readonly format: WrittenFormat;
    readonly followLinks: boolean;
  },
): Promise<void> {
  const { generator } = source;
  writePolicy(path, {
    format,
    followLinks,
    spec: generator.spec,
    models: await context.program.models(),
    numbers: {
      ...generator.config.policy,
      parameters: found.parameters,
      normaliser: generator.normaliser,
    },
    label: {
      environment: generator.spec.id,
      requestedReturn: requested,
      command: found.command,
      measuredReturn: found.measured,
      generator: generator.hash,
    },
  });
}

function report(
  path: string,
  { found, requested, source, context, values }: Result & { values: GenerateValues },
): void {
  const env = source.generator.spec.id;
  const document = {
    env,
    requestedReturn: requested,
    command: found.command,
    policy: path,
    measuredReturn: found.measured,
  };
  context.output.result(document, () => [
    `Environment       ${env}`,
    `Requested return  ${formatNumber(requested)}`,
    `Measured return   ${formatMeasured(found.measured)}`,
    `Policy            ${path}`,
    path.endsWith(WRITTEN_ENDINGS.c)
      ? "Next: see the comment at the top of that file"
      : `Next: ${ownLine("evaluate", pathWord(path), ...envCommandWords(values))}`,
  ]);
}
