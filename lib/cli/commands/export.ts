/** `udrlpg export`: writes the generator itself as a file that other programs run. */

import { merge, object } from "@optique/core/constructs";
import { dirname, join } from "node:path";
import { encodeGenerator } from "../../generator/exported_generator.ts";
import { reachableRange } from "../../generator/calibration.ts";
import { formatNumber } from "../../numbers/format.ts";
import { UsageError } from "../../system/errors.ts";
import { writeFileAtomic } from "../../system/files.ts";
import { envCommandOptions, trustModuleOption, withEnvironments } from "../env_command.ts";
import {
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
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

const ENDING = ".onnx";

/** The `export` command. */
export const exportCommand: Command<ExportValues> = {
  description: [
    "The file is an ONNX model with the inputs wantedReturn, float32 [N], and observation, float32 [N, S], as the environment gives it, and the output action: float32 [N, A] within the environment's bounds, or int64 [N]. Each row answers for its own return. Nothing else is needed: calibration, normaliser and bounds are inside. For one return, a policy of `generate` is smaller and faster.",
  ],
  examples: [
    { command: "udrlpg export --run runs/pendulum", does: "Write generator.onnx into the run" },
    {
      command: "udrlpg export runs/swimmer --out swimmer.onnx",
      does: "Somewhere else",
    },
    {
      command: "udrlpg export --generator generator.safetensors --out g.onnx --json",
      does: "From a generator file alone, for a script",
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
          fileValue("FILE", [ENDING]),
          "Where to write it (default: generator.onnx beside the generator)",
        ),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runExport),
};

async function runExport(values: ExportValues, context: CommandContext): Promise<void> {
  const { out } = values;
  if (out !== undefined && !out.toLowerCase().endsWith(ENDING)) {
    throw new UsageError(
      `Cannot export generator: --out must end in ${ENDING}, got ${JSON.stringify(out)}`,
    );
  }
  const source = await openGenerator(values, context, "export a generator");
  try {
    const { spec, shape, calibration } = source.generator;
    const path = out ?? join(dirname(source.path), `generator${ENDING}`);
    const bytes = encodeGenerator(source.generator, await context.program.models());
    writeFileAtomic(path, bytes, { kind: "generator", followLinks: out !== undefined });
    const { min, max } = reachableRange(calibration);
    const document = { env: spec.id, generator: path, reachable: [min, max], bytes: bytes.length };
    context.output.result(document, () => [
      `Environment  ${spec.id}`,
      `Inputs       wantedReturn [N], observation [N, ${shape.sizes[0]}]`,
      `Output       action`,
      `Reachable    ${formatNumber(min)} to ${formatNumber(max)}`,
      `Generator    ${path}`,
    ]);
  } finally {
    await source.close();
  }
}
