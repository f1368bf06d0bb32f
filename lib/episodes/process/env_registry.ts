/**
 * A registry with one more environment: the one that a command of the user's plays in a child process.
 *
 * The first child tells what the environment is, and is then the first one that `make` hands out; later
 * ones get a child each. The environment hides a built-in one of the same id, so that a policy of this
 * program can be driven in the original of an environment.
 */

import type { Env, EnvRegistry, EnvSpec } from "../../env.ts";
import {
  connectEnv,
  type EnvCommandOptions,
  type EnvProgram,
  programOfCommand,
} from "./env_process.ts";
import { describeSpec } from "./env_protocol.ts";
import { FileError } from "../../system/errors.ts";

/** The environments of a program and the one of a command. */
export interface EnvCommandRegistry extends EnvRegistry {
  /** What the command's environment is. */
  readonly described: EnvSpec;
  /** Ends every child that is still there. */
  close(): Promise<void>;
}

/** Adds the environment of a command, see `withEnvProgram`. */
export async function withEnvCommand(
  registry: EnvRegistry,
  command: string,
  options: EnvCommandOptions = {},
): Promise<EnvCommandRegistry> {
  return await withEnvProgram(registry, programOfCommand(command), options);
}

/**
 * Starts the program once and adds the environment that it describes to `registry`. Close the result to
 * end the children.
 * @throws {UsageError} when the program cannot be started. @throws {FileError} when it describes
 * nonsense; so does `make` when another child of the same program describes something else.
 */
export async function withEnvProgram(
  registry: EnvRegistry,
  program: EnvProgram,
  options: EnvCommandOptions = {},
): Promise<EnvCommandRegistry> {
  const { onNote: _, ...quietly } = options;
  const first = await connectEnv(program, options);
  const described = first.spec;
  const { id } = described;
  const children: Env[] = [first];
  let unused: Env | undefined = first;
  return {
    described,
    ids: [id, ...registry.ids.filter((known) => known !== id)],
    spec: (wanted) => wanted === id ? described : registry.spec(wanted),
    async make(wanted) {
      if (wanted !== id) return await registry.make(wanted);
      const child = unused ?? await connectEnv(program, quietly);
      if (unused === undefined) children.push(child);
      unused = undefined;
      if (describeSpec(child.spec) === describeSpec(described)) return child;
      await child.close();
      throw new FileError(
        `Cannot describe ${program.title}: every child must be alike, got ${
          JSON.stringify(child.spec.id)
        } that differs from the first`,
      );
    },
    async close() {
      await Promise.all(children.map((child) => child.close()));
    },
  };
}
