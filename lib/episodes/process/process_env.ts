/** An environment in a child process, on this side of the pipe. */

import type { Env, EnvSpec, Transition } from "../../env.ts";
import { FileError } from "../../system/errors.ts";
import { checkAction, checkSeed, closedError, noEpisodeError } from "../env_checks.ts";
import { describeSpec } from "./env_protocol.ts";
import { ChildLostError, type PlayedStep, type Player } from "./player.ts";

/** What an environment needs to go on with a fresh child. */
export interface Restarting {
  /** The environment, as error texts name it. */
  readonly title: string;
  /** Starts a fresh child. */
  readonly connect: () => Promise<Player>;
  /** How many may still be started; counts down. */
  readonly restarts: { left: number };
  /** Told when one is. */
  readonly onRestart: (text: string) => void;
}

/** A step as it was played, to play it again. */
interface RecordedStep {
  readonly action: readonly number[];
  readonly reward: number;
}

/**
 * Checks what is asked for, counts steps and says where an error happened. Where a child is lost, a fresh one plays the episode again from
 * its seed, with the same actions, up to the step that was lost; then it goes on as if nothing had been.
 */
export class ProcessEnv implements Env {
  /** What the child described. */
  readonly spec: EnvSpec;
  /** The current observation, [S]. */
  readonly observation: Float64Array;
  readonly #restarting: Restarting;
  readonly #atStart = () => ` at the start of ${this.#episode()}`;
  readonly #inStep = () => ` in step ${this.#steps + 1} of ${this.#episode()}`;
  readonly #done = ({ terminated, truncated }: Transition) => {
    this.#steps++;
    if (terminated || truncated) this.#running = false;
  };
  #player: Player;
  /** The steps of the present episode, kept where a child may be replaced. */
  #played: RecordedStep[] = [];
  #seed: number | undefined;
  #episodes = 0;
  #steps = 0;
  #running = false;
  #closed = false;

  /** Makes the environment of a child. */
  constructor(player: Player, restarting: Restarting) {
    this.spec = player.spec;
    this.observation = new Float64Array(this.spec.observationSpace.low.length);
    this.#player = player;
    this.#restarting = restarting;
  }

  /** Starts an episode, see `Env.reset`. @throws {FileError} when the child fails. */
  async reset(seed?: number): Promise<void> {
    if (this.#closed) throw closedError(this.spec);
    if (seed !== undefined) checkSeed(this.spec, seed);
    this.#running = false;
    this.#seed = seed;
    if (this.#steps > 0 || this.#episodes === 0) this.#episodes++;
    this.#steps = 0;
    this.#played = [];
    if (this.#restarting.restarts.left < 1) await this.#reset();
    else await this.#surviving(() => this.#reset());
    this.#running = true;
  }

  /** Takes a step, see `Env.step`. @throws {FileError} when the child fails. */
  step(action: ArrayLike<number>): Promise<Transition> {
    if (this.#closed) throw closedError(this.spec);
    if (!this.#running) throw noEpisodeError(this.spec);
    checkAction(this.spec, action);
    const isLast = this.#steps + 1 >= this.spec.maxEpisodeSteps;
    return this.#restarting.restarts.left < 1
      ? this.#step(action, { isLast, done: this.#done })
      : this.#stepAndRecord(Array.from(action), isLast);
  }

  /** Gives environments in the same child, see `Env.beside`; none where children may be replaced. */
  async beside(count: number): Promise<Env[]> {
    if (this.#closed) throw closedError(this.spec);
    if (this.#restarting.restarts.left > 0) return [];
    const players = await this.#player.beside(count);
    return players.map((player) => new ProcessEnv(player, this.#restarting));
  }

  /** Ends the child, or this environment of several. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#player.close();
  }

  #reset(): Promise<void> {
    const { observation } = this;
    return this.#player.reset(this.#seed, { observation, place: this.#atStart });
  }

  #step(
    action: ArrayLike<number>,
    { isLast, done }: Pick<PlayedStep, "isLast" | "done">,
  ): Promise<Transition> {
    const { observation } = this;
    return this.#player.step({ action, isLast, observation, place: this.#inStep, done });
  }

  async #stepAndRecord(action: readonly number[], isLast: boolean): Promise<Transition> {
    const transition = await this.#surviving(() =>
      this.#step(action, { isLast, done: this.#done })
    );
    this.#played.push({ action, reward: transition.reward });
    return transition;
  }

  #episode(): string {
    const seed = this.#seed === undefined ? "" : `, seed ${this.#seed}`;
    return `episode ${this.#episodes}${seed}`;
  }

  /** Does what a child is asked for; a fresh one does it where the child is lost. */
  async #surviving<T>(ask: () => Promise<T>): Promise<T> {
    const { restarts, onRestart } = this.#restarting;
    let expected: Float64Array | undefined;
    for (;;) {
      try {
        if (expected !== undefined) await this.#restart(expected);
        return await ask();
      } catch (error) {
        if (!(error instanceof ChildLostError) || this.#closed || restarts.left < 1) throw error;
        restarts.left--;
        onRestart(
          `${error.message}: a fresh child plays the episode again, of which ${restarts.left} are left`,
        );
        expected ??= Float64Array.from(this.observation);
      }
    }
  }

  /** Starts a fresh child and brings it to where the lost one was, with the observation that was there. */
  async #restart(expected: Float64Array): Promise<void> {
    const { title, connect } = this.#restarting;
    const player = await connect();
    this.#player = player;
    if (describeSpec(player.spec) !== describeSpec(this.spec)) {
      await player.close();
      throw new FileError(
        `Cannot restart ${title}: every child must be alike, got one that differs`,
      );
    }
    if (!this.#running) return;
    this.#steps = 0;
    await this.#reset();
    for (const { action, reward } of this.#played) {
      const again = await this.#step(action, { isLast: false, done: undefined });
      this.#steps++;
      if (again.reward === reward && !again.terminated && !again.truncated) continue;
      await this.#failToRepeat(player);
    }
    if (expected.some((value, i) => value !== this.observation[i])) {
      await this.#failToRepeat(player);
    }
  }

  async #failToRepeat(player: Player): Promise<never> {
    await player.close();
    throw new FileError(
      `Cannot restart ${this.#restarting.title}: an episode must be the same again from its seed and ` +
        `actions, got another one in step ${this.#steps} of ${this.#episode()}`,
    );
  }
}
