/**
 * What plays an environment in a child process, whatever language it talks to the child: lines
 * (line_player.ts) or messages of many environments (frame_player.ts).
 */

import type { EnvSpec, Transition } from "../../env.ts";
import { FileError } from "../../system/errors.ts";
import { ChildError, type ChildOptions } from "./child.ts";
import { type Fields, ProtocolError } from "./env_protocol.ts";

/** How a child is started and talked to. */
export interface TalkOptions extends ChildOptions {
  /** The environment, as error texts name it. */
  readonly title: string;
  /** Aborted to end the child at once; whatever then waits for an answer fails. */
  readonly signal?: AbortSignal | undefined;
  /** Takes what the user should know of the environment. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** A program that was started. */
export interface Opening {
  /**
   * Asks what it plays.
   * @throws whatever `read` throws, and `FileError` where the child fails; it has ended then.
   */
  describe(read: (description: Fields) => EnvSpec): Promise<Player>;
}

/** A step, and where what it leads to is put. */
export interface PlayedStep {
  /** The action, [A] or [index]. */
  readonly action: ArrayLike<number>;
  /** True where the time limit ends the episode, whatever the child says: the transition is then truncated. */
  readonly isLast: boolean;
  /** Filled, [S]. */
  readonly observation: Float64Array;
  /** Says where in the course of things the step belongs, for errors: " in step 2 of episode 3". */
  readonly place: () => string;
  /** Is told of the outcome before whoever waits for it. */
  readonly done?: ((transition: Transition) => void) | undefined;
}

/** An environment in a child; every error has ended the environment. */
export interface Player {
  /** What it is. */
  readonly spec: EnvSpec;
  /** Starts an episode. @throws {FileError} */
  reset(
    seed: number | undefined,
    options: Pick<PlayedStep, "observation" | "place">,
  ): Promise<void>;
  /** Takes a step. @throws {FileError} */
  step(step: PlayedStep): Promise<Transition>;
  /** Gives more such environments in the same child, up to `count` with this one; none where that is not possible. */
  beside(count: number): Promise<Player[]>;
  /** Ends the child. */
  close(): Promise<void>;
}

/** The child is gone, or says that it failed: a fresh one may do better. */
export class ChildLostError extends FileError {}

/** What an error happened at. */
export interface Failing {
  /** What could not be done. */
  readonly command: "describe" | "copy" | "reset" | "step";
  /** The environment, as error texts name it. */
  readonly title: string;
  /** Where in the course of things it happened; "" where that is clear. */
  readonly place: string;
  /** Aborted where this program itself ended the child. */
  readonly signal?: AbortSignal | undefined;
}

/** Gives the error that says what a child did; errors of others as they are. */
export function explain(error: unknown, { command, title, place, signal }: Failing): unknown {
  if (!(error instanceof ProtocolError || error instanceof ChildError)) return error;
  const isSilent = error instanceof ChildError;
  const advice = isSilent && error.advice !== undefined ? `: ${error.advice}` : "";
  const isLost = isSilent || error.isChilds;
  return new (isLost && !signal?.aborted ? ChildLostError : FileError)(
    `Cannot ${command} ${title}: ${error.message}${place}${advice}`,
  );
}
