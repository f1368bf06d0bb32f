/**
 * Environments that a child process plays, for every command that runs episodes: the program of
 * `--env-command`, or Python with Gymnasium for a name such as `gym:LunarLander-v3`. The children end
 * with the command however that ends.
 */

import type { EnvRegistry, EnvSpec } from "../env.ts";
import { compareIdentities, describeChanges, identityOf } from "../episodes/identity.ts";
import {
  DEFAULT_GRACE_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  type EnvProgram,
} from "../episodes/process/env_process.ts";
import type { EnvCommandRegistry } from "../episodes/process/env_registry.ts";
import { gymModuleOf, isGymName } from "../episodes/process/gym_name.ts";
import { FileError, InterruptedError, UsageError } from "../system/errors.ts";
import { formatLine } from "../system/words.ts";
import { Consents } from "./consent.ts";
import type { CommandContext, Interruption } from "./program.ts";
import { type OptionParser, setting, settingOr, toggle } from "./options.ts";
import { integerValue, numberValue, textValue } from "./values.ts";

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
  /** --env-restarts */
  readonly envRestarts: number;
  /** --env-workers, where the command runs many episodes */
  readonly envWorkers?: number;
  /** --trust, where the command has it: what the file names may run. */
  readonly trust?: boolean;
}

/** Makes the parser of the option by which a file's environment may run a program. */
export function trustModuleOption(): OptionParser<boolean> {
  return toggle(
    "--trust",
    "Run the program that a file names for its environment",
  );
}

/** Makes the parsers of the options. */
export function envCommandOptions(): {
  readonly envCommand: OptionParser<string | undefined>;
  readonly envTimeout: OptionParser<number>;
  readonly envGrace: OptionParser<number>;
  readonly envClear: OptionParser<boolean>;
  readonly envRestarts: OptionParser<number>;
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
    envRestarts: settingOr("--env-restarts", integerValue({ metavar: "N", min: 0, max: 1e6 }), {
      fallback: 0,
      doc:
        "Times that a fresh one takes the place of one that crashed, and plays its episode again",
    }),
  };
}

/** The words with which another command plays environments as this one was told to, but for the command. */
export function envOptionWords(
  { envTimeout, envGrace, envClear, envRestarts, envWorkers }: EnvCommandValues,
  { origin }: CommandContext,
): string[] {
  const numbers = {
    "--env-timeout": envTimeout,
    "--env-grace": envGrace,
    "--env-restarts": envRestarts,
    "--env-workers": envWorkers,
  };
  return [
    ...Object.entries(numbers).flatMap(([option, value]) =>
      origin(option) === undefined ? [] : [option, String(value)]
    ),
    ...(envClear ? ["--env-clear"] : []),
  ];
}

/**
 * The words that a suggested command line needs to start an environment that a file names: none where the
 * user has agreed to its program before, or there is none.
 */
export function envCommandWords(
  { id, command }: Pick<EnvSpec, "id" | "command">,
  { env }: CommandContext["program"],
): string[] {
  const isModule = isGymName(id) && gymModuleOf(id) !== undefined;
  const started = command ?? (isModule ? id : undefined);
  if (started === undefined || new Consents(env).has(started)) return [];
  return command === undefined ? ["--trust"] : ["--env-command", command];
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
 * @throws {UsageError} when a child cannot be started. @throws whatever the work throws.
 */
export async function withGymnasium(
  context: CommandContext,
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const values: EnvCommandValues = {
    envCommand: undefined,
    envTimeout: DEFAULT_TIMEOUT_SECONDS,
    envGrace: DEFAULT_GRACE_SECONDS,
    envClear: false,
    envRestarts: 0,
    trust: true,
  };
  await withEnvironments(values, context, (_, own) => work(own));
}

/** The environments in child processes that a command uses. */
class Children {
  readonly #values: EnvCommandValues;
  readonly #context: CommandContext;
  readonly #consents: Consents;
  readonly #hangUp = new AbortController();
  readonly #registries: EnvCommandRegistry[] = [];
  #interruption: Interruption | undefined;
  #isWorkListening = false;
  readonly #stopping = new AbortController();
  readonly #restarts: { left: number };
  readonly #onSignal = () => {
    if (this.#isWorkListening) this.#stopping.abort(this.#interruption?.signal.reason);
    else this.#hangUp.abort();
  };

  constructor(values: EnvCommandValues, context: CommandContext) {
    this.#values = values;
    this.#context = context;
    this.#restarts = { left: values.envRestarts };
    this.#consents = new Consents(context.program.env);
  }

  /** The command's context, with these environments among the program's. */
  context(): CommandContext {
    const { program } = this.#context;
    const registry = (id?: string, command?: string) => this.#registry(id, command);
    return { ...this.#context, program: { ...program, registry, listen: () => this.#listen() } };
  }

  /** Starts the program of --env-command; gives the id that it describes. */
  async startCommand(command: string): Promise<string> {
    const { described } = await this.#startOnce(command);
    this.#consents.remember(command);
    return described.id;
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

  async #registry(id: string | undefined, command?: string): Promise<EnvRegistry> {
    if (command !== undefined && this.#values.envCommand === undefined) {
      return await this.#registryOf(command, id);
    }
    const known = this.#registries.at(-1) ?? await this.#context.program.registry();
    if (id === undefined) return known;
    if (!isGymName(id) && this.#registries.length === 0) this.#context.program.giveUpPrograms();
    if (!isGymName(id) || known.ids.includes(id)) return known;
    this.#checkModule(id);
    const { gymProgram } = await import("../episodes/process/gym_env.ts");
    return await this.#start(
      gymProgram(id, this.#context.program.env("UDRLPG_PYTHON") || "python3"),
    );
  }

  /** The environments with the one of a command that a file names. */
  async #registryOf(command: string, id: string | undefined): Promise<EnvRegistry> {
    const { trust } = this.#values;
    if (!trust && !this.#consents.has(command)) {
      const consent = trust === undefined ? formatLine("--env-command", [command]) : "--trust";
      throw new UsageError(
        `Cannot start environment command ${JSON.stringify(command)}: a file names it: ` +
          `if you trust it, give ${consent}`,
      );
    }
    const registry = await this.#startOnce(command);
    const { described } = registry;
    if (id === undefined || id === described.id) return registry;
    throw new UsageError(
      `Cannot use environment command ${JSON.stringify(command)}: it must describe ` +
        `${JSON.stringify(id)}, got ${JSON.stringify(described.id)}`,
    );
  }

  async #startOnce(command: string): Promise<EnvCommandRegistry> {
    const started = this.#registries.find(({ described }) => described.command === command);
    if (started) return started;
    const { programOfCommand } = await import("../episodes/process/env_process.ts");
    return await this.#start(programOfCommand(command));
  }

  /** A module is a program of somebody: its name in a file does not suffice to run it. */
  #checkModule(id: string): void {
    const module = gymModuleOf(id);
    if (module === undefined) return;
    const { env, trust } = this.#values;
    if (env === id) return this.#consents.remember(id);
    if (trust || this.#consents.has(id)) return;
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
      restarts: this.#restarts,
      onRestart: (text) => this.#context.output.warn(text),
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

/** Makes the parser of --env-workers, for commands that run many episodes. */
export function envWorkersOption(): OptionParser<number> {
  return settingOr("--env-workers", integerValue({ metavar: "N", min: 1, max: 1024 }), {
    fallback: 1,
    doc: "Programs that play episodes side by side; the results are the same for any number",
  });
}

/**
 * Says how an environment differs from the one that something was made in.
 * @param made what it was made in, as `identityOf` writes it; "" for one of this program
 * @throws {FileError} where that changes what observations or actions mean
 */
export function checkIdentity(
  made: string,
  spec: EnvSpec,
  { does, name, output }: { does: string; name: string; output: CommandContext["output"] },
): void {
  const changes = made === "" ? [] : compareIdentities(made, spec.identity ?? identityOf(spec));
  if (changes.length === 0) return;
  const refused = changes.filter(({ changesMeaning }) => changesMeaning);
  if (refused.length > 0) {
    throw new FileError(
      `Cannot ${does} ${JSON.stringify(name)} in ${
        JSON.stringify(spec.id)
      }: the environment must ` +
        `be the one that it was made in, got ${describeChanges(refused)}`,
    );
  }
  output.warn(
    `${JSON.stringify(spec.id)} is not as it was when ${JSON.stringify(name)} was made: ${
      describeChanges(changes)
    }`,
  );
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
    `an environment in a child process runs without workers: the ${count} asked for are not used, --env-workers is for it`,
  );
}
