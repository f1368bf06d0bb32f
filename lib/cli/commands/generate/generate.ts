/** `udrlpg generate`: writes policies for wanted returns and proves what they return. */

import { merge, object } from "@optique/core/constructs";
import { dirname, join } from "node:path";
import {
  WRITTEN_ENDINGS,
  WRITTEN_FORMATS,
  type WrittenFormat,
  writtenFormatOf,
} from "../../../generator/policy_file.ts";
import type { Request } from "../../../generator/answer.ts";
import { describeReached } from "../../../generator/proof.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { policyFileName } from "../../../run/layout.ts";
import { UnreachableReturnError, UsageError } from "../../../system/errors.ts";
import { ownLine, pathWord } from "../../../system/words.ts";
import { asUsage } from "../../blame.ts";
import {
  envCommandOptions,
  envCommandWords,
  envWorkersOption,
  trustModuleOption,
  withEnvironments,
} from "../../env_command.ts";
import {
  episodesOption,
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
  type OpenGenerator,
  openGenerator,
  workersOption,
} from "../../generator_source.ts";
import { formatMeasured } from "../../measured.ts";
import { setting, settingOr } from "../../options.ts";
import type { Command, CommandContext } from "../../program.ts";
import { choiceValue, fileValue, integerValue, numberValue } from "../../values.ts";
import {
  distanceValue,
  MOST_POLICIES,
  partValue,
  wantedListValue,
  wantedValue,
} from "../../wanted_values.ts";
import {
  adviceFor,
  contentOf,
  deliver,
  describeExpected,
  type Effort,
  expect,
  factsOf,
  searchEpisodes,
  STREAM,
  type Worked,
  writeTo,
} from "./delivery.ts";
import { writeLadder } from "./ladder.ts";
import { rowOf } from "./manifest.ts";
import {
  checkRequests,
  isLadder,
  listRequests,
  reachablePair,
  REQUEST_OPTIONS,
  type RequestValues,
} from "./requests.ts";

/** The options of `udrlpg generate`. */
export interface GenerateValues extends GeneratorOptions, RequestValues, Effort {
  /** --out */
  readonly out: string | undefined;
  /** --format */
  readonly format: WrittenFormat | undefined;
}

/** The `generate` command. */
export const generateCommand: Command<GenerateValues> = {
  description: [
    "The generator's calibration turns the return into a command; the policy for it is measured over fresh episodes and written. With --tolerance a search goes on until the 95 % interval of a candidate's mean lies within the return +- the tolerance, in twice --verify episodes and in more the more policies it has tried. What it found is measured once more, in as many fresh episodes that the search has not seen: that is what the file promises, and `evaluate --check` repeats it. When the return is not reached, the closest policy that was found is written and the exit code is 5.",
    "Several returns give a folder of policies with a list of them, manifest.csv and manifest.json. Without --tolerance a request counts as met when the measured mean is within 5 % of the reachable range.",
    "A C header needs nothing but a C compiler, and holds a self-test.",
  ],
  examples: [
    { command: "udrlpg generate --run runs/pendulum --return best", does: "The best policy" },
    {
      command:
        "udrlpg generate --run runs/swimmer --return 150 --tolerance 10 --verify 20 --out p.onnx",
      does: "A policy whose mean return is 150 +- 10, checked over 20 episodes",
    },
    {
      command: "udrlpg generate --run runs/swimmer --count 10 --out ladder",
      does: "Ten policies evenly over what can be reached; also --returns 50,100 or 50:350:25",
    },
    {
      command:
        "udrlpg sample --generator generator.safetensors --return 50% --format json --out p.json",
      does: "Half-way between the worst and the best, from a generator file alone, as JSON",
    },
    {
      command: "udrlpg generate --run runs/pendulum --return 1000 --out pole.h",
      does: "As a C header for a game or a microcontroller",
    },
  ],
  exclusive: [GENERATOR_OPTIONS, REQUEST_OPTIONS, ["--tolerance", "--at-least"]],
  parser: () =>
    merge(
      object("The generator", { path: generatorWord(), ...generatorOptions() }),
      object("An environment of your own", {
        ...envCommandOptions(),
        envWorkers: envWorkersOption(),
        trust: trustModuleOption(),
      }),
      object("The policy", {
        return: setting(
          "--return",
          wantedValue("R"),
          "Return that you want: a number, best, or a share of the reachable range such as 50%",
        ),
        returns: setting(
          "--returns",
          wantedListValue("LIST"),
          "Several, as 50,100,best or LOW:HIGH:STEP: a folder of policies",
        ),
        count: setting(
          "--count",
          integerValue({ metavar: "N", min: 1, max: MOST_POLICIES }),
          "As many policies, evenly over the reachable range: a folder",
        ),
        atLeast: setting(
          "--at-least",
          numberValue({ metavar: "R" }),
          "The best policy, if the 95 % interval of its mean begins at this return or above",
        ),
        in: setting(
          "--in",
          partValue("SHARE"),
          "With --at-least: in so many of all episodes, such as 90%, in place of the mean; 95 % sure",
        ),
        out: setting(
          "--out",
          fileValue("PATH", Object.values(WRITTEN_ENDINGS)),
          "Policy file, folder of several, or - for the output stream (default: beside the generator)",
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
          distanceValue("X"),
          "Search for a policy within this distance of the return, such as 10 or 5% of the range",
        ),
        verify: episodesOption("--verify", "Episodes that measure a policy"),
        budget: setting(
          "--budget",
          integerValue({ metavar: "N", min: 1, max: 1e9 }),
          "Episodes that one search may run, the last proof apart (default: 100 times --verify)",
        ),
        workers: workersOption(),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of those episodes",
        }),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runGenerate),
};

async function runGenerate(values: GenerateValues, context: CommandContext): Promise<void> {
  checkRequests(values);
  const format = chooseFormat(values, context);
  const source = await openGenerator(values, context, "generate a policy");
  try {
    searchEpisodes(source.generator.spec, {
      ...values,
      ...values.in === undefined ? {} : { share: values.in },
    });
    const requests = listRequests(values, source.generator.calibration);
    warnOutside(requests, source, context);
    const work = { values, source, context, format };
    await (isLadder(values) ? writeLadder(requests, work) : writeOne(requests[0], work));
  } finally {
    await source.close();
  }
}

function chooseFormat(
  values: GenerateValues,
  { output }: CommandContext,
): WrittenFormat {
  const { out, format } = values;
  if (isLadder(values)) {
    if (out !== undefined && (out === STREAM || /\.(onnx|safetensors|json|h)$/i.test(out))) {
      throw new UsageError(
        `Cannot generate policies: --out must be a folder for several, got ${JSON.stringify(out)}`,
      );
    }
    return format ?? "onnx";
  }
  if (out === STREAM && output.json) {
    throw new UsageError(
      "Cannot generate a policy: --out - and --json must not both be given, got both on one stream",
    );
  }
  if (format !== undefined || out === undefined || out === STREAM) return format ?? "onnx";
  return asUsage(() => writtenFormatOf(out), ", or give --format");
}

function warnOutside(
  requests: readonly Request[],
  { generator }: OpenGenerator,
  { output }: CommandContext,
): void {
  if (generator.model.answers === "one") {
    return output.warn(
      `${generator.config.algorithm} has learnt one policy: it answers whatever return is asked for`,
    );
  }
  const [min, max] = reachablePair(generator.calibration);
  for (const { requested } of requests) {
    if (requested >= min && requested <= max) continue;
    output.warn(
      `return ${
        formatNumber(requested)
      } is outside the range that this generator was measured to ` +
        `reach, ${formatNumber(min)} to ${formatNumber(max)}: the nearest is generated`,
    );
  }
}

/** What requests are worked on with. */
export interface Work {
  /** The options. */
  readonly values: GenerateValues;
  /** The generator. */
  readonly source: OpenGenerator;
  /** Where results go. */
  readonly context: CommandContext;
  /** Format of the policies. */
  readonly format: WrittenFormat;
}

async function writeOne(request: Request, { values, source, context, format }: Work) {
  const expected = await expect(request, { source, effort: values });
  context.output.note(describeExpected([expected]));
  const progress = context.output.progress("episodes");
  const delivered = await deliver(request, {
    source,
    effort: values,
    onProgress: ({ phase, done, total, last }) =>
      progress.update({
        phase,
        done,
        total,
        // Nobody knows when a search ends, and its proof follows.
        ...(phase === "searching"
          ? { whole: { share: done / total, secondsLeft: undefined } }
          : {}),
        facts: factsOf(last),
      }),
  });
  context.output.endProgress();
  const path = values.out ??
    join(dirname(source.path), policyFileName(request.requested, WRITTEN_ENDINGS[format]));
  const content = await contentOf(delivered, { source, format, context });
  writeTo(path, { content, context, followLinks: values.out !== undefined });
  report(path, { ...delivered, expected }, { values, source, context, format });
  if (delivered.met || request.aim === "answer") return;
  const { requested, tolerance, aim, share } = request;
  const rule = share !== undefined
    ? `more than ${formatNumber(100 * share)} % of episodes must reach ${formatNumber(requested)}`
    : aim === "atLeast"
    ? `the interval must begin at ${formatNumber(requested)} or above`
    : `the return must be within ${formatNumber(tolerance)} of ${formatNumber(requested)}`;
  throw new UnreachableReturnError(
    `Cannot generate a policy: ${rule}, got ${
      delivered.reached
        ? describeReached(delivered.reached, delivered.proof.n)
        : formatMeasured(delivered.proof)
    } at best: ` +
      `the closest policy is in ${JSON.stringify(path)}: ${adviceFor(delivered, source)}`,
  );
}

/** Says what was written; where the policy itself is on the output stream, beside it. */
function report(path: string, delivered: Worked, { source, context }: Work): void {
  const { output } = context;
  const env = source.generator.spec.id;
  const { requestedReturn, command, measuredReturn, ...rest } = rowOf({ ...delivered, file: path });
  const { reached, met, tolerance, searchEpisodes, expected } = rest;
  const document = {
    env,
    requestedReturn,
    command,
    policy: path,
    measuredReturn,
    ...reached === undefined ? {} : { reached },
    met,
    tolerance,
    reachable: reachablePair(source.generator.calibration),
    searchEpisodes,
    expected,
  };
  const consent = envCommandWords(source.generator.spec, context.program);
  const lines = () => [
    `Environment       ${env}`,
    `Requested return  ${formatNumber(requestedReturn)}`,
    `Measured return   ${formatMeasured(measuredReturn)}`,
    ...reached ? [`Reached           ${describeReached(reached, measuredReturn.n)}`] : [],
    `Met               ${met ? "yes" : `no: ${adviceFor(delivered, source)}`}`,
    `Policy            ${path}`,
    path.endsWith(WRITTEN_ENDINGS.c)
      ? "Next: see the comment at the top of that file"
      : `Next: ${ownLine("evaluate", pathWord(path), ...consent)}`,
  ];
  if (path === STREAM) lines().slice(0, -2).forEach((line) => output.note(line));
  else output.result(document, lines);
}
