/**
 * The option `--env-command`, which every command takes that runs episodes: the environment is then
 * played by a child process, which ends with the command however that ends.
 */

import { DEFAULT_GRACE_SECONDS, DEFAULT_TIMEOUT_SECONDS } from "../episodes/process/env_process.ts";
import { InterruptedError, UsageError } from "../system/errors.ts";
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

/** The words that a suggested command line needs in addition: none, or the environment's command. */
export function envCommandWords({ envCommand }: Pick<EnvCommandValues, "envCommand">): string[] {
  return envCommand === undefined ? [] : ["--env-command", envCommand];
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
 * Does a command's work with the environment that --env-command describes, if it is given: the program's
 * registry has it, and `env` names it. A signal ends the child, and so the work, unless the work listens
 * for signals itself; then the child still has its grace for each answer.
 * @throws {UsageError} when --env names another environment, or the command cannot be started.
 * @throws {InterruptedError} after a signal. @throws whatever the work throws.
 */
export async function withEnvironments<V extends EnvCommandValues>(
  values: V,
  context: CommandContext,
  work: (values: V, context: CommandContext) => Promise<void>,
): Promise<void> {
  const { envCommand: command, envTimeout: timeoutSeconds, envGrace: graceSeconds } = values;
  if (command === undefined) return await work(values, context);
  const { program } = context;
  const { withEnvCommand } = await import("../episodes/process/env_registry.ts");
  const base = await program.registry();
  const interruption = program.listen();
  const hangUp = new AbortController();
  const stopping = new AbortController();
  let isWorkListening = false;
  const onSignal = () => {
    if (isWorkListening) stopping.abort(interruption.signal.reason);
    else hangUp.abort();
  };
  const listen = (): Interruption => {
    isWorkListening = true;
    return { signal: interruption.signal, stop: () => void (isWorkListening = false) };
  };
  interruption.signal.addEventListener("abort", onSignal);
  try {
    const registry = await withEnvCommand(base, command, {
      timeoutSeconds,
      graceSeconds,
      signal: hangUp.signal,
      stopping: stopping.signal,
      ...(values.envClear ? { env: fewVariables(program.env) } : {}),
    });
    try {
      const { id } = registry.described;
      if (values.env !== undefined) {
        checkNamed(values.env, { described: id, source: context.origin("--env") ?? "--env" });
      }
      await work({ ...values, env: id }, {
        ...context,
        program: { ...program, listen, registry: () => Promise.resolve(registry) },
        origin: (option) => context.origin(option === "--env" ? "--env-command" : option),
      });
    } finally {
      await registry.close();
    }
  } catch (error) {
    const { reason } = interruption.signal;
    throw hangUp.signal.aborted && reason instanceof InterruptedError ? reason : error;
  } finally {
    interruption.signal.removeEventListener("abort", onSignal);
    interruption.stop();
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

/** Says that workers are not used where an environment of a command, which they do not know, is played. */
export function warnOfWorkers(count: number, { output }: Pick<CommandContext, "output">): void {
  if (count < 2) return;
  output.warn(`--env-command runs without workers: the ${count} asked for are not used`);
}
