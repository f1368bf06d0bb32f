/** An environment in a child that answers lines, each a JSON object (env_protocol.ts). */

import type { EnvSpec, Transition } from "../../env.ts";
import {
  copyObservation,
  type EnvRequest,
  type Fields,
  parseAnswer,
  readObservation,
  readOutcome,
} from "./env_protocol.ts";
import { LineProcess } from "./line_process.ts";
import { explain, type Opening, type PlayedStep, type Player, type TalkOptions } from "./player.ts";

/** Requests and checked answers; ends the child when an answer is wrong. */
export class LinePlayer implements Player, Opening {
  #spec: EnvSpec | undefined;
  readonly #child: LineProcess;
  readonly #options: TalkOptions;
  readonly #hangUp = () => void this.#child.close();

  /** Starts the program, see `Child`. */
  constructor(words: readonly string[], options: TalkOptions) {
    const { title, onNote } = options;
    const onPrinted = (line: string) =>
      onNote?.(
        `The ${title} printed ${
          JSON.stringify(line)
        }: lines that are no JSON object are passed over`,
      );
    this.#child = new LineProcess(words, { ...options, onPrinted });
    this.#options = options;
    const { signal } = options;
    signal?.addEventListener("abort", this.#hangUp);
    if (signal?.aborted) this.#hangUp();
  }

  /** What it plays. */
  get spec(): EnvSpec {
    return this.#spec!;
  }

  /** Asks what the child plays. */
  async describe(read: (description: Fields) => EnvSpec): Promise<Player> {
    this.#spec = await this.#ask({ command: "describe" }, read);
    return this;
  }

  /** Starts an episode, see `Player`. */
  reset(
    seed: number | undefined,
    { observation, place }: Pick<PlayedStep, "observation" | "place">,
  ): Promise<void> {
    return this.#ask(
      { command: "reset", ...(seed === undefined ? {} : { seed }) },
      (answer) => readObservation(answer, observation),
      place,
    );
  }

  /** Takes a step, see `Player`. */
  step({ action, isLast, observation, place, done }: PlayedStep): Promise<Transition> {
    return this.#ask(
      { command: "step", action: Array.from(action) },
      (answer) => {
        const outcome = readOutcome(answer);
        const isEnd = isLast || outcome.terminated || outcome.truncated;
        // Nobody acts on the observation that ends an episode: it may be anything.
        if (isEnd) copyObservation(answer, observation);
        else readObservation(answer, observation);
        if (isLast) outcome.truncated = true;
        done?.(outcome);
        return outcome;
      },
      place,
    );
  }

  /** A line is for one environment. */
  beside(): Promise<Player[]> {
    return Promise.resolve([]);
  }

  /** Ends the child. */
  close(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#hangUp);
    return this.#child.close();
  }

  async #ask<T>(request: EnvRequest, read: (answer: Fields) => T, place = () => ""): Promise<T> {
    try {
      return read(parseAnswer(await this.#child.ask(JSON.stringify(request))));
    } catch (error) {
      await this.close();
      throw explain(error, { ...this.#options, command: request.command, place: place() });
    }
  }
}
