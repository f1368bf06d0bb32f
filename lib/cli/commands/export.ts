/** `udrlpg export`: writes the generator itself as a file that other programs run. */

import { merge, object } from "@optique/core/constructs";
import { dirname, join } from "node:path";
import { describeInt8, renderCGenerator } from "../../generator/exported/c_generator.ts";
import { encodeActionModel, encodeParameterModel } from "../../generator/exported/graphs.ts";
import { measureInt8Error } from "../../generator/exported/int8_error.ts";
import { renderJsGenerator } from "../../generator/exported/js_generator.ts";
import { reachableRange } from "../../generator/calibration.ts";
import { formatNumber } from "../../numbers/format.ts";
import { UsageError } from "../../system/errors.ts";
import { writeFileAtomic } from "../../system/files.ts";
import { envCommandOptions, trustModuleOption, withEnvironments } from "../env_command.ts";
import {
  episodesOf,
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
  type OpenGenerator,
  openGenerator,
} from "../generator_source.ts";
import { setting } from "../options.ts";
import type { Command, CommandContext } from "../program.ts";
import { fileValue } from "../values.ts";

/** The options of `udrlpg export`. */
export interface ExportValues extends GeneratorOptions {
  /** --out */
  readonly out: string | undefined;
}

/** One file to write. */
interface ExportedFile {
  readonly path: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

/** What an export wrote, and what there is to say of it. */
interface Exported {
  readonly files: readonly ExportedFile[];
  /** By key of the JSON document. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** For people. */
  readonly lines: readonly string[];
}

type Write = (
  path: string,
  source: OpenGenerator,
  context: CommandContext,
) => Exported | Promise<Exported>;

/** How each ending is written. */
const WRITERS: Readonly<Record<string, Write>> = {
  ".onnx": exportOnnxModels,
  ".js": (path, { generator }) => ({
    files: [{ path, content: renderJsGenerator(generator) }],
    facts: {},
    lines: ["Functions    generate(wantedReturn), act(parameters, observation)"],
  }),
  ".h": exportHeader,
};
const ENDINGS = Object.keys(WRITERS);

/** The `export` command. */
export const exportCommand: Command<ExportValues> = {
  description: [
    "As ONNX there are two models. generator.onnx has the inputs wantedReturn, float32 [N], and observation, float32 [N, S], as the environment gives it, and the output action: float32 [N, A] within the environment's bounds, or int64 [N]; each row answers for its own return. generator.parameters.onnx has the input wantedReturn and the output parameters, float32 [N, P]; its metadata say how they lie and what acts with them. Calibration, normaliser and bounds are inside.",
    "A JavaScript module (.js) or a C header (.h) needs nothing but the language: generate() makes a policy once, act() runs it at every step. The header holds weights of 8 bits, too; what they do to returns is measured in episodes and stands in it.",
  ],
  examples: [
    { command: "udrlpg export --run runs/pendulum", does: "Write the two models into the run" },
    {
      command: "udrlpg export runs/swimmer --out swimmer.js",
      does: "For a page, or a program in JavaScript",
    },
    {
      command: "udrlpg export --generator generator.safetensors --out swimmer.h --json",
      does: "For a microcontroller, from a generator file alone",
    },
  ],
  exclusive: [GENERATOR_OPTIONS],
  parser: () =>
    merge(
      object("The generator", { path: generatorWord(), ...generatorOptions() }),
      object("An environment of your own", {
        ...envCommandOptions(),
        trust: trustModuleOption(),
      }),
      object("The file", {
        out: setting(
          "--out",
          fileValue("FILE", ENDINGS),
          "ONNX model, JavaScript module, .js, or C header, .h (default: generator.onnx beside the generator)",
        ),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runExport),
};

async function runExport(values: ExportValues, context: CommandContext): Promise<void> {
  const { out } = values;
  const ending = out === undefined
    ? ENDINGS[0]
    : ENDINGS.find((one) => out.toLowerCase().endsWith(one));
  if (ending === undefined) {
    throw new UsageError(
      `Cannot export generator: --out must end in one of ${ENDINGS.join(", ")}, got ${
        JSON.stringify(out)
      }`,
    );
  }
  const source = await openGenerator(values, context, "export a generator");
  try {
    const { spec, calibration } = source.generator;
    const path = out ?? join(dirname(source.path), `generator${ending}`);
    const { files, facts, lines } = await WRITERS[ending](path, source, context);
    for (const file of files) {
      writeFileAtomic(file.path, file.content, {
        kind: "generator",
        followLinks: out !== undefined,
      });
    }
    const { min, max } = reachableRange(calibration);
    const bytes = files.map(({ content }) =>
      typeof content === "string" ? new TextEncoder().encode(content).length : content.length
    );
    const document = {
      env: spec.id,
      generator: path,
      reachable: [min, max],
      bytes: bytes[0],
      ...facts,
    };
    context.output.result(document, () => [
      `Environment  ${spec.id}`,
      ...lines,
      `Reachable    ${formatNumber(min)} to ${formatNumber(max)}`,
      ...files.map((file, i) => `${i === 0 ? "Generator    " : "Parameters   "}${file.path}`),
    ]);
  } finally {
    await source.close();
  }
}

/** The models of actions and of parameters, as NAME.onnx and NAME.parameters.onnx. */
async function exportOnnxModels(
  path: string,
  { generator }: OpenGenerator,
  { program }: CommandContext,
): Promise<Exported> {
  const parameters = path.replace(/\.onnx$/i, ".parameters.onnx");
  return {
    files: [
      { path, content: encodeActionModel(generator, await program.models()) },
      { path: parameters, content: encodeParameterModel(generator) },
    ],
    facts: { parameters },
    lines: [
      `Inputs       wantedReturn [N], observation [N, ${generator.shape.sizes[0]}]`,
      `Outputs      action, or parameters [N, ${generator.shape.parameterCount}]`,
    ],
  };
}

async function exportHeader(
  path: string,
  { generator, runner }: OpenGenerator,
  { output }: CommandContext,
): Promise<Exported> {
  const progress = output.progress("policies");
  const int8 = await measureInt8Error(generator, {
    runner,
    episodes: episodesOf(generator.spec, undefined),
    onPolicy: (done, total) => progress.update({ done, total }),
  });
  output.endProgress();
  return {
    files: [{ path, content: renderCGenerator(generator, { fileName: path, int8 }) }],
    facts: { int8Error: int8.error, int8Returns: int8.returns, int8Episodes: int8.episodes },
    lines: [`Int8 error   ${formatNumber(int8.error, 3)}, ${describeInt8(int8)}`],
  };
}
