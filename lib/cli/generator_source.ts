/** The options that name a trained generator, and the generator itself with what runs its policies. */

import { join } from "node:path";
import { createLocalRunner, type EpisodeRunner } from "../evaluate.ts";
import { UsageError } from "../errors.ts";
import { GENERATOR_FILE_NAME, loadGenerator, type TrainedGenerator } from "../generator_file.ts";
import { checkNamed, type EnvCommandValues, withOwnHint } from "./env_command.ts";
import type { CommandContext } from "./program.ts";
import { fileValue, type OptionParser, runValue, setting } from "./values.ts";

/** The values of the two options. */
export interface GeneratorOptions extends EnvCommandValues {
  /** --run */
  readonly run: string | undefined;
  /** --generator */
  readonly generator: string | undefined;
}

/** The names of the two options, of which one must be given. */
export const GENERATOR_OPTIONS = ["--run", "--generator"] as const;

/** Makes the parsers of the two options. */
export function generatorOptions(): {
  readonly run: OptionParser<string | undefined>;
  readonly generator: OptionParser<string | undefined>;
} {
  return {
    run: setting("--run", runValue(), "Run folder with the generator"),
    generator: setting(
      "--generator",
      fileValue("FILE", [".safetensors"]),
      "Generator file, in place of --run",
    ),
  };
}

/** A generator in use. */
export interface OpenGenerator {
  /** Path of the generator file. */
  readonly path: string;
  /** The generator, ready to use. */
  readonly generator: TrainedGenerator;
  /** Runs its policies in its environment. */
  readonly runner: EpisodeRunner;
  /** Frees everything. */
  close(): Promise<void>;
}

/**
 * Loads the generator that the options name, and its environment.
 * @param does What the command does, for the error: "generate a policy".
 * @throws {UsageError} when neither option is given, or the environment command describes another
 * environment. @throws {FileError} when the file is not good.
 */
export async function openGenerator(
  options: GeneratorOptions,
  { program }: CommandContext,
  does: string,
): Promise<OpenGenerator> {
  const { run, generator: file, env: described, envCommand } = options;
  const path = file ?? (run === undefined ? undefined : join(run, GENERATOR_FILE_NAME));
  if (path === undefined) {
    throw new UsageError(`Cannot ${does}: one of --run, --generator must be given, got none`);
  }
  const [registry, models] = await Promise.all([program.registry(), program.models()]);
  const generator = loadGenerator(path, {
    specOf(id) {
      if (envCommand !== undefined && described !== undefined) {
        checkNamed(id, { described, source: JSON.stringify(path) });
      }
      return withOwnHint(options, () => registry.spec(id));
    },
    models,
    session: { device: "cpu" },
  });
  const env = await registry.make(generator.spec.id);
  const runner = createLocalRunner(env, models.createPolicy(generator.spec, generator.shape));
  return {
    path,
    generator,
    runner,
    async close() {
      await generator.pass.close();
      await runner.close();
      await env.close();
    },
  };
}
