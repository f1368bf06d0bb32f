/**
 * Environments that a child process plays, for every command that runs episodes: the program of
 * `--env-command`, or Python with Gymnasium for a name such as `gym:LunarLander-v3`. The children end
 * with the command however that ends.
 */

import type { EnvRegistry } from "../env.ts";
import {
  DEFAULT_GRACE_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  type EnvProgram,
} from "../episodes/process/env_process.ts";
import type { EnvCommandRegistry } from "../episodes/process/env_registry.ts";
import { gymModuleOf, isGymName } from "../episodes/process/gym_name.ts";
import { InterruptedError, UsageError } from "../system/errors.ts";
import { formatLine } from "../system/words.ts";
import type { CommandContext, Interruption } from "./program.ts";
import { type OptionParser, setting, settingOr, toggle } from "./options.ts";
import { numberValue, textValue } from "./values.ts";

/** The values of the options. */
export interface EnvCommandValues {
  /** --env, where the command has it; the id that the child describes while the command works. */
  readonly env?: string | undefined;
  /** --env-command */
  readonly envCommand: string | undefined;
  /** --env-timeout */
  readonly envTimeout: number;
  /** --env-grace */
  readonly envGrace: number;
  /** --env-clear */
  readonly envClear: boolean;
  /** --trust, where the command has it: what the file names may run. */
  readonly trust?: boolean;
}

/** Makes the parser of the option by which a file's environment may run a module. */
export function trustModuleOption(): OptionParser<boolean> {
  return toggle("--trust", "Run the Python module that the file names for its environment");
}

/** Makes the parsers of the options. */
export function envCommandOptions(): {
  readonly envCommand: OptionParser<string | undefined>;
  readonly envTimeout: OptionParser<number>;
  readonly envGrace: OptionParser<number>;
  readonly envClear: OptionParser<boolean>;
} {
  return {
    envCommand: setting(
      "--env-command",
      textValue("COMMAND"),
      "Program that plays your own environment, see udrlpg help environments",
    ),
    envTimeout: settingOr(
      "--env-timeout",
      numberValue({ metavar: "SECONDS", min: 0.1, max: 1e6 }),
      { fallback: DEFAULT_TIMEOUT_SECONDS, doc: "Time that it has for each answer" },
    ),
    envGrace: settingOr(
      "--env-grace",
      numberValue({ metavar: "SECONDS", min: 0, max: 1e6 }),
      {
        fallback: DEFAULT_GRACE_SECONDS,
        doc: "Time that it has to end when its input ends, and for its answer after a signal",
      },
    ),
    envClear: toggle("--env-clear", "Give it none of your environment variables but PATH and HOME"),
  };
}

/**
 * The words that a suggested command line needs in addition: none, the environment's command, or the
 * consent to run the module of `env`.
 */
export function envCommandWords(
  { env, envCommand }: Pick<EnvCommandValues, "env" | "envCommand">,
): string[] {
  if (envCommand !== undefined) return ["--env-command", envCommand];
  const runsModule = env !== undefined && isGymName(env) && gymModuleOf(env) !== undefined;
  return runsModule ? ["--trust"] : [];
}

/**
 * Looks something up by an id that a file names; an unknown one may be the user's own.
 * @throws {RangeError} that says so.
 */
export function withOwnHint<T>(
  { envCommand }: Pick<EnvCommandValues, "envCommand">,
  lookUp: () => T,
): T {
  try {
    return lookUp();
  } catch (error) {
    if (!(error instanceof RangeError) || envCommand !== undefined) throw error;
    throw new RangeError(
      `${error.message}, or give --env-command if it is an environment of your own`,
    );
  }
}

/** Tells whether the environment is played by a child process, which workers do not know. */
export function isOwnEnvironment(
  id: string,
  { envCommand }: Pick<EnvCommandValues, "envCommand">,
): boolean {
  return envCommand !== undefined || isGymName(id);
}

/**
 * Does a command's work with environments in child processes: the one that --env-command describes, if
 * it is given, which `env` then names, and those of Gymnasium that the work names to the registry. A
 * signal ends the children, and so the work, unless the work listens for signals itself; then a child
 * still has its grace for each answer.
 * @throws {UsageError} when --env names another environment, or a child cannot be started.
 * @throws {InterruptedError} after a signal. @throws whatever the work throws.
 */
export async function withEnvironments<V extends EnvCommandValues>(
  values: V,
  context: CommandContext,
  work: (values: V, context: CommandContext) => Promise<void>,
): Promise<void> {
  const { envCommand, env } = values;
  if (envCommand === undefined && env !== undefined && !isGymName(env)) {
    context.program.giveUpPrograms();
  }
  const children = new Children(values, context);
  const own = children.context();
  try {
    if (envCommand === undefined) return await work(values, own);
    const id = await children.startCommand(envCommand);
    if (env !== undefined) {
      checkNamed(env, { described: id, source: context.origin("--env") ?? "--env" });
    }
    await work({ ...values, env: id }, {
      ...own,
      origin: (option) => context.origin(option === "--env" ? "--env-command" : option),
    });
  } catch (error) {
    throw children.interrupted() ?? error;
  } finally {
    await children.close();
  }
}

/**
 * Does the work of a command without --env-command, with environments of Gymnasium where the work names
 * them; the user has named them all.
 * @param keepsPrograms Whether the work starts other programs, too.
 * @throws {UsageError} when a child cannot be started. @throws whatever the work throws.
 */
export async function withGymnasium(
  context: CommandContext,
  work: (context: CommandContext) => Promise<void>,
  { keepsPrograms = false }: { keepsPrograms?: boolean } = {},
): Promise<void> {
  const program = {
    ...context.program,
    ...(keepsPrograms ? { giveUpPrograms: () => {} } : {}),
  };
  const values: EnvCommandValues = {
    envCommand: undefined,
    envTimeout: DEFAULT_TIMEOUT_SECONDS,
    envGrace: DEFAULT_GRACE_SECONDS,
    envClear: false,
    trust: true,
  };
  await withEnvironments(values, { ...context, program }, (_, own) => work(own));
}

/** The environments in child processes that a command uses. */
class Children {
  readonly #values: EnvCommandValues;
  readonly #context: CommandContext;
  readonly #hangUp = new AbortController();
  readonly #registries: EnvCommandRegistry[] = [];
  #interruption: Interruption | undefined;
  #isWorkListening = false;
  readonly #stopping = new AbortController();
  readonly #onSignal = () => {
    if (this.#isWorkListening) this.#stopping.abort(this.#interruption?.signal.reason);
    else this.#hangUp.abort();
  };

  constructor(values: EnvCommandValues, context: CommandContext) {
    this.#values = values;
    this.#context = context;
  }

  /** The command's context, with these environments among the program's. */
  context(): CommandContext {
    const { program } = this.#context;
    const registry = (id?: string) => this.#registry(id);
    return { ...this.#context, program: { ...program, registry, listen: () => this.#listen() } };
  }

  /** Starts the program of --env-command; gives the id that it describes. */
  async startCommand(command: string): Promise<string> {
    const { programOfCommand } = await import("../episodes/process/env_process.ts");
    return (await this.#start(programOfCommand(command))).described.id;
  }

  /** The error of the signal that ended the children, if one did. */
  interrupted(): InterruptedError | undefined {
    const reason = this.#interruption?.signal.reason;
    return this.#hangUp.signal.aborted && reason instanceof InterruptedError ? reason : undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#registries.map((registry) => registry.close()));
    this.#interruption?.signal.removeEventListener("abort", this.#onSignal);
    this.#interruption?.stop();
  }

  async #registry(id: string | undefined): Promise<EnvRegistry> {
    const known = this.#registries.at(-1) ?? await this.#context.program.registry();
    if (id === undefined) return known;
    if (!isGymName(id) && this.#registries.length === 0) this.#context.program.giveUpPrograms();
    if (!isGymName(id) || known.ids.includes(id)) return known;
    this.#checkConsent(id);
    const { gymProgram } = await import("../episodes/process/gym_env.ts");
    return await this.#start(
      gymProgram(id, this.#context.program.env("UDRLPG_PYTHON") || "python3"),
    );
  }

  /** A module is a program of somebody: its name in a file does not suffice to run it. */
  #checkConsent(id: string): void {
    const module = gymModuleOf(id);
    const { env, trust } = this.#values;
    if (module === undefined || env === id || trust) return;
    const consent = trust === undefined ? formatLine("--env", [id]) : "--trust";
    throw new UsageError(
      `Cannot create environment ${JSON.stringify(id)}: it runs the Python module ` +
        `${JSON.stringify(module)}, which a file names: if you trust it, give ${consent}`,
    );
  }

  async #start(program: EnvProgram): Promise<EnvCommandRegistry> {
    const { withEnvProgram } = await import("../episodes/process/env_registry.ts");
    const base = this.#registries.at(-1) ?? await this.#context.program.registry();
    if (this.#interruption === undefined) {
      this.#interruption = this.#context.program.listen();
      this.#interruption.signal.addEventListener("abort", this.#onSignal);
    }
    const { envTimeout: timeoutSeconds, envGrace: graceSeconds, envClear } = this.#values;
    const registry = await withEnvProgram(base, program, {
      timeoutSeconds,
      graceSeconds,
      signal: this.#hangUp.signal,
      stopping: this.#stopping.signal,
      ...(envClear ? { env: fewVariables(this.#context.program.env) } : {}),
      onNote: (text) => this.#context.output.note(text),
    });
    this.#registries.push(registry);
    return registry;
  }

  #listen(): Interruption {
    if (this.#interruption === undefined) return this.#context.program.listen();
    this.#isWorkListening = true;
    return {
      signal: this.#interruption.signal,
      stop: () => void (this.#isWorkListening = false),
    };
  }
}

/** What a program needs to be found and to find its own files. */
function fewVariables(env: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(["PATH", "HOME"].flatMap((name) => {
    try {
      const value = env(name);
      return value === undefined ? [] : [[name, value]];
    } catch {
      return []; // this program may not see it
    }
  }));
}

/** Checks that what else names an environment names the one of the command. @throws {UsageError} */
export function checkNamed(
  named: string,
  { described, source }: { readonly described: string; readonly source: string },
): void {
  if (named === described) return;
  throw new UsageError(
    `Cannot use --env-command: it must describe ${JSON.stringify(named)}, which ${source} names, ` +
      `got ${JSON.stringify(described)}`,
  );
}

/** Says that workers are not used where a child process, which they do not know, plays the environment. */
export function warnOfWorkers(count: number, { output }: Pick<CommandContext, "output">): void {
  if (count < 2) return;
  output.warn(
    `an environment in a child process runs without workers: the ${count} asked for are not used`,
  );
}
