/** The options that name a trained generator, and the generator itself with what runs its policies. */

import type { Config } from "../config/config.ts";
import type { EnvSpec } from "../env.ts";
import { asManySteps, createLocalRunner, type EpisodeRunner } from "../episodes/evaluate.ts";
import {
  loadGenerator,
  readGeneratorEnvironment,
  type TrainedGenerator,
} from "../generator/generator_file.ts";
import { createParallelRunner, Lanes } from "../episodes/parallel_runner.ts";
import { createGrowingRunner } from "../episodes/workers/growing_runner.ts";
import { countWorkers, WorkerRunner } from "../episodes/workers/worker_runner.ts";
import {
  checkIdentity,
  checkNamed,
  type EnvCommandValues,
  warnOfWorkers,
  withOwnHint,
} from "./env_command.ts";
import type { CommandContext } from "./program.ts";
import { type OptionParser, setting, settingOr, word } from "./options.ts";
import { fileValue, integerValue, runOrFileValue, runValue } from "./values.ts";
import { generatorFileOf, requirePath } from "./paths.ts";

/** The values of the word and the two options, of which one must be given. */
export interface GeneratorOptions extends EnvCommandValues {
  /** The word: run folder or generator file. */
  readonly path?: string | undefined;
  /** --run */
  readonly run: string | undefined;
  /** --generator */
  readonly generator: string | undefined;
  /** --workers: 0 is one per core, up to eight; in this thread when absent. */
  readonly workers?: number;
}

/** The names of the two options, of which one must be given. */
export const GENERATOR_OPTIONS = ["--run", "--generator"] as const;

/** Makes the parser of the word that names a generator. */
export function generatorWord(): OptionParser<string | undefined> {
  return word(runOrFileValue("RUN", [".safetensors"]), "Run folder or generator file");
}

/** Makes the parsers of the two options. */
export function generatorOptions(): {
  readonly run: OptionParser<string | undefined>;
  readonly generator: OptionParser<string | undefined>;
} {
  return {
    run: setting("--run", runValue(), "Run folder with the generator, in place of RUN"),
    generator: setting(
      "--generator",
      fileValue("FILE", [".safetensors"]),
      "Generator file, in place of RUN",
    ),
  };
}

/** Makes the parser of --workers for commands that run many episodes. */
export function workersOption(): OptionParser<number> {
  return settingOr("--workers", integerValue({ metavar: "N", min: 0, max: 1024 }), {
    fallback: 0,
    doc: "Workers for the episodes where they take long; 0: one per core, up to 8",
  });
}

/** Episodes of one measurement where nothing is said of it; more where they are short. */
const DEFAULT_EPISODES = 10;

/** Makes the parser of the option that says how many episodes measure a policy; see `episodesOf`. */
export function episodesOption(
  name: "--episodes" | "--verify",
  doc: string,
): OptionParser<number | undefined> {
  return setting(
    name,
    integerValue({ metavar: "N", min: 1, max: 1e6 }),
    `${doc} (default: ${DEFAULT_EPISODES}, or as many as 10,000 steps hold)`,
  );
}

/** Gives how many episodes measure a policy: as many as were asked for, or the default. */
export function episodesOf(spec: EnvSpec, asked: number | undefined): number {
  return asked ?? asManySteps(spec, DEFAULT_EPISODES);
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

/** Adds workers to a runner, but for an environment of a command, which they would not know. */
function withWorkers(
  local: EpisodeRunner,
  { options: { workers = 1, envWorkers = 1 }, config, lanes, context: { program, output } }: {
    options: GeneratorOptions;
    lanes: (count: number) => Lanes;
    config: Config;
    context: CommandContext;
  },
): EpisodeRunner {
  if (config.environment !== "") {
    warnOfWorkers(workers, { output });
    return createParallelRunner(lanes(envWorkers));
  }
  const count = countWorkers(workers);
  if (count < 2) return local;
  return createGrowingRunner(local, {
    clock: program.clock,
    startOthers: () =>
      new WorkerRunner({
        count,
        modules: program.modules,
        env: config.env,
        network: config.policy,
        onWarning: (text) => output.warn(text),
      }),
  });
}

/**
 * Loads the generator that the options name, and its environment.
 * @param does What the command does, for the error: "generate a policy".
 * @throws {UsageError} when neither option is given, or the environment command describes another
 * environment. @throws {FileError} when the file is not good.
 */
export async function openGenerator(
  options: GeneratorOptions,
  context: CommandContext,
  does: string,
): Promise<OpenGenerator> {
  const { program, origin, output } = context;
  const { run, generator: file, env: described, envCommand } = options;
  const path = generatorFileOf(requirePath({
    does,
    word: options.path,
    options: { "--run": run, "--generator": file },
    origin,
  }));
  const { id, command } = readGeneratorEnvironment(path);
  const [registry, models] = await Promise.all([program.registry(id, command), program.models()]);
  const generator = loadGenerator(path, {
    specOf(id, { identity }) {
      if (envCommand !== undefined && described !== undefined) {
        checkNamed(id, { described, source: JSON.stringify(path) });
      }
      const spec = withOwnHint(options, () => registry.spec(id));
      checkIdentity(identity, spec, { does, name: path, output });
      return spec;
    },
    models,
    session: { device: "cpu" },
  });
  const env = await registry.make(generator.spec.id);
  const { spec, shape, config } = generator;
  const policy = models.createPolicy(spec, shape);
  const local = createLocalRunner(env, policy);
  // Whoever started the children ends them.
  const lanes = (count: number) =>
    new Lanes(count, { env, policy }, {
      makeEnv: () => registry.make(spec.id),
      makePolicy: () => models.createPolicy(spec, shape),
    });
  const runner = withWorkers(local, { options, config, lanes, context });
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
