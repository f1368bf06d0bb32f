/** An environment of several in a child that talks in the messages of frames.ts. */

import type { EnvSpec, Transition } from "../../env.ts";
import { ChildError } from "./child.ts";
import {
  copyNumbers,
  type Fields,
  parseAnswer,
  ProtocolError,
  readInteger,
  readNumbers,
} from "./env_protocol.ts";
import { FrameProcess, type RowTaker } from "./frame_process.ts";
import { FLAGS, ROW_HEAD } from "./frames.ts";
import {
  explain,
  type Failing,
  type Opening,
  type PlayedStep,
  type Player,
  type TalkOptions,
} from "./player.ts";

/** More environments in one child make nothing faster, and each takes memory. */
const MOST_ENVIRONMENTS = 128;
const RESET = 0;
const STEP = 1;

/** What the environments of a child share. */
export class Table implements Opening {
  /** Talks to it. */
  readonly process: FrameProcess;
  /** How it is talked to. */
  readonly options: TalkOptions;
  /** Environments that the child plays. */
  count = 1;
  readonly #hangUp = () => void this.process.close();

  /** Starts the program, see `Child`. */
  constructor(words: readonly string[], options: TalkOptions) {
    this.process = new FrameProcess(words, options);
    this.options = options;
    const { signal } = options;
    signal?.addEventListener("abort", this.#hangUp);
    if (signal?.aborted) this.#hangUp();
  }

  /** Asks what the child plays; gives the first environment. */
  async describe(read: (description: Fields) => EnvSpec): Promise<Player> {
    try {
      const spec = read(parseAnswer(await this.process.ask('{"command":"describe"}')));
      const { actionSpace, observationSpace } = spec;
      this.process.lay({
        actionNumbers: actionSpace.kind === "discrete" ? 1 : actionSpace.low.length,
        observationNumbers: observationSpace.low.length,
      });
      return new FramePlayer(this, spec, 0);
    } catch (error) {
      throw await this.fail(error, { command: "describe", place: "" });
    }
  }

  /** Has the child play up to `count` environments; gives how many it plays. */
  async widen(count: number): Promise<number> {
    try {
      const text = await this.process.ask(JSON.stringify({ command: "widen", count }));
      this.count = readInteger(parseAnswer(text), "count", count);
      return this.count;
    } catch (error) {
      throw await this.fail(error, { command: "copy", place: "" });
    }
  }

  /** Gives the error that says what happened, once it has ended the child if nobody else is played there. */
  async fail(error: unknown, at: Pick<Failing, "command" | "place">): Promise<unknown> {
    const others = this.count - 1;
    if (others === 0) await this.close();
    const isOfAll = others > 0 && error instanceof ChildError;
    const place = isOfAll ? `${at.place}, or in one of ${others} beside it` : at.place;
    return explain(error, { ...this.options, ...at, place });
  }

  /** Ends the child. */
  close(): Promise<void> {
    this.options.signal?.removeEventListener("abort", this.#hangUp);
    return this.process.close();
  }
}

/** An environment at a table; the first one's end is the end of all. */
class FramePlayer implements Player, RowTaker {
  readonly spec: EnvSpec;
  readonly #table: Table;
  readonly #index: number;
  readonly #transition: Transition = {
    reward: 0,
    survivalReward: 0,
    terminated: false,
    truncated: false,
  };
  #failure: unknown;
  /** What is under way, and who waits for it. */
  #step: Omit<PlayedStep, "action"> | undefined;
  #isReset = false;
  #resolve: (transition: Transition) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(table: Table, spec: EnvSpec, index: number) {
    this.#table = table;
    this.spec = spec;
    this.#index = index;
  }

  async reset(
    seed: number | undefined,
    step: Pick<PlayedStep, "observation" | "place">,
  ): Promise<void> {
    this.#isReset = true;
    await this.#ask(RESET, [seed ?? NaN], { ...step, isLast: false });
  }

  step(step: PlayedStep): Promise<Transition> {
    this.#isReset = false;
    return this.#ask(STEP, step.action, step);
  }

  async beside(count: number): Promise<Player[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const had = this.#table.count;
    const has = await this.#table.widen(Math.min(count, MOST_ENVIRONMENTS));
    return Array.from(
      { length: has - had },
      (_, i) => new FramePlayer(this.#table, this.spec, had + i),
    );
  }

  async close(): Promise<void> {
    if (this.#index === 0) await this.#table.close();
  }

  /** Takes the answer: one promise for a step, since a promise costs as much as a message's share of a step. */
  take(row: Float64Array): void {
    try {
      const transition = this.#read(row, this.#step!);
      this.#step!.done?.(transition);
      this.#resolve(transition);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    const command = this.#isReset ? "reset" : "step";
    const { place } = this.#step!;
    this.#table.fail(error, { command, place: place() }).then((explained) => {
      this.#failure = explained;
      this.#reject(explained);
    });
  }

  #ask(
    kind: number,
    numbers: ArrayLike<number>,
    step: Omit<PlayedStep, "action">,
  ): Promise<Transition> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#step = step;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#table.process.exchange(this, { environment: this.#index, kind, numbers });
    });
  }

  #read(
    row: Float64Array,
    { isLast, observation }: Omit<PlayedStep, "action">,
  ): Transition {
    const transition = this.#transition;
    const [reward, flags] = row;
    if (!Number.isFinite(reward)) {
      throw new ProtocolError(`"reward" must be a finite number, got ${reward}`);
    }
    transition.reward = reward;
    transition.terminated = (flags & FLAGS.terminated) !== 0;
    transition.truncated = isLast || (flags & FLAGS.truncated) !== 0;
    const numbers = row.subarray(ROW_HEAD);
    // Nobody acts on the observation that ends an episode: it may be anything.
    if (isLast || flags !== 0) copyNumbers(numbers, observation);
    else readNumbers(numbers, observation);
    return transition;
  }
}
