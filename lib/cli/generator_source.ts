/** The options that name a trained generator, and the generator itself with what runs its policies. */

import { join } from "node:path";
import { createLocalRunner, type EpisodeRunner } from "../evaluate.ts";
import { UsageError } from "../errors.ts";
import { GENERATOR_FILE_NAME, loadGenerator, type TrainedGenerator } from "../generator_file.ts";
import type { CommandContext } from "./program.ts";
import { fileValue, runValue, setting } from "./values.ts";

/** The values of the two options. */
export interface GeneratorOptions {
  readonly run: string | undefined;
  readonly generator: string | undefined;
}

/** The names of the two options, of which one must be given. */
export const GENERATOR_OPTIONS = ["--run", "--generator"] as const;

/** Makes the parsers of the two options. */
export function generatorOptions() {
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
  readonly generator: TrainedGenerator;
  readonly runner: EpisodeRunner;
  close(): Promise<void>;
}

/**
 * Loads the generator that the options name, and its environment.
 * @param does What the command does, for the error: "generate a policy".
 * @throws {UsageError} when neither option is given. @throws {FileError} when the file is not good.
 */
export async function openGenerator(
  { run, generator: file }: GeneratorOptions,
  { program }: CommandContext,
  does: string,
): Promise<OpenGenerator> {
  const path = file ?? (run === undefined ? undefined : join(run, GENERATOR_FILE_NAME));
  if (path === undefined) {
    throw new UsageError(`Cannot ${does}: one of --run, --generator must be given, got none`);
  }
  const [registry, models] = await Promise.all([program.registry(), program.models()]);
  const generator = loadGenerator(path, {
    specOf: (id) => registry.spec(id),
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
