/**
 * Runs episodes on several workers.
 *
 * An episode depends on its policy, its normaliser and its seed and on nothing else (lib/episodes/rollout.ts), so
 * whichever worker runs it, in whatever order, the results are the same; they are put back in the order
 * of the jobs. A task is one episode: an evaluation has five, and larger pieces would leave a worker
 * idle. Two tasks are on their way to each worker, so that none waits for a message; the last ones go to
 * whoever is free, since episodes may be a hundred times as long as others.
 *
 * A worker can die: an error that nobody caught, a lack of memory, a hung physics engine. The first
 * tells its parent, the others do not, so workers also count their steps in shared memory, and one whose
 * count stands still for too long is taken for dead. The tasks of a dead worker go to a fresh one, a few
 * times; an error that belongs to the episode itself (it diverged) is not tried again.
 */

import { DivergedError, FileError } from "../../system/errors.ts";
import type { EpisodeRunner, EvaluationJob, PlayOptions } from "../evaluate.ts";
import type { NormaliserState, PolicyNetwork } from "../../model.ts";
import type { PolicyParameters } from "../../policy_space.ts";
import type { Episode } from "../rollout.ts";
import type { FromWorker, ToWorker, WorkerModules } from "./messages.ts";

/** What the workers run. */
export interface WorkerOptions {
  /** Number of workers, at least 1. */
  readonly count: number;
  /** What the workers import. */
  readonly modules: WorkerModules;
  /** Environment id. */
  readonly env: string;
  /** What the policies look like. */
  readonly network: PolicyNetwork;
  /** A worker that simulates no step for so long is taken for dead. */
  readonly stallSeconds?: number;
  /** Is told when a worker died and its episodes are run again. */
  readonly onWarning?: (text: string) => void;
  /** Makes a worker; for tests that end one. */
  readonly createWorker?: () => Worker;
}

/** Longer than any step takes, a first one under a debugger included. */
const STALL_SECONDS = 60;
/** How often a worker's pulse is looked at before it is taken for dead. */
const STALL_TICKS = 4;
/** Workers that may die of one episode, or one after another without finishing any. */
const MAX_DEATHS = 3;
const TASKS_IN_FLIGHT = 2;

interface Task {
  readonly message: Extract<ToWorker, { kind: "task" }>;
  readonly batch: Batch;
  /** Place in the batch's results. */
  readonly place: number;
  attempts: number;
}

/** The episodes of one call of `run`. */
interface Batch {
  readonly results: Episode[];
  open: number;
  /** The error of the first episode, in the order of the jobs, that has one. */
  failure: { readonly place: number; readonly error: unknown } | undefined;
  readonly onEpisode: PlayOptions["onEpisode"];
  readonly settle: (error: unknown) => void;
}

interface Slot {
  readonly worker: Worker;
  readonly pulse: Int32Array;
  readonly tasks: Task[];
  isReady: boolean;
  lastPulse: number;
  stillTicks: number;
}

/** Evaluations have few episodes, and each worker has a physics engine of its own in memory. */
const MOST_BY_DEFAULT = 8;

/** Gives the number of workers that a setting stands for: 0 is one per core, up to eight. */
export function countWorkers(setting: number, cores = navigator.hardwareConcurrency): number {
  return setting === 0 ? Math.min(cores, MOST_BY_DEFAULT) : setting;
}

/** A runner with workers of its own; `close` ends them. */
export class WorkerRunner implements EpisodeRunner {
  readonly #options: WorkerOptions;
  readonly #slots: (Slot | undefined)[];
  readonly #queue: Task[] = [];
  readonly #tickMs: number;
  #nextTask = 0;
  #deathsInARow = 0;
  /** Why no episode can be run any more. */
  #broken: Error | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Starts the workers; they load their modules while the program goes on.
   * @throws {RangeError} when the count is no whole number of at least 1.
   * @throws {FileError} when the process may not open as many files as they need.
   */
  constructor(options: WorkerOptions) {
    const { count, stallSeconds = STALL_SECONDS } = options;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(
        `Cannot start workers: their number must be a whole one from 1, got ${count}`,
      );
    }
    assertRoomFor(count);
    this.#options = options;
    this.#tickMs = stallSeconds * 1000 / STALL_TICKS;
    this.#slots = Array.from({ length: count }, () => this.#startWorker());
  }

  /** Runs every seed of every job: episodes by job, then by seed. See EpisodeRunner. */
  run(
    jobs: readonly EvaluationJob[],
    { mean, deviation }: NormaliserState,
    { signal, observed = false, onEpisode }: PlayOptions = {},
  ): Promise<Episode[][]> {
    if (this.#broken) return Promise.reject(this.#broken);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const count = jobs.reduce((sum, { seeds }) => sum + seeds.length, 0);
    if (count === 0) return Promise.resolve(jobs.map(() => []));
    const { promise, resolve, reject } = Promise.withResolvers<Episode[]>();
    const batch: Batch = {
      results: new Array<Episode>(count),
      open: count,
      failure: undefined,
      onEpisode,
      settle: (error) => error === undefined ? resolve(batch.results) : reject(error),
    };
    let place = 0;
    for (const { parameters, seeds, limit } of jobs) {
      const shared = share(parameters);
      for (const seed of seeds) {
        const task = this.#nextTask++;
        const kind = "task" as const;
        const message = { kind, task, parameters: shared, mean, deviation, seed, observed, limit };
        this.#queue.push({ message, batch, place: place++, attempts: 0 });
      }
    }
    const abort = () => this.#drop(batch, { place: -1, error: signal!.reason });
    signal?.addEventListener("abort", abort);
    this.#dispatch();
    return promise.then((episodes) => groupByJob(episodes, jobs)).finally(() =>
      signal?.removeEventListener("abort", abort)
    );
  }

  /** Ends the workers; episodes that are not finished are lost and their `run` never ends. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const slot of this.#slots) slot?.worker.terminate();
    this.#slots.fill(undefined);
    this.#queue.length = 0;
    return Promise.resolve();
  }

  #startWorker(): Slot {
    const { modules, env, network, createWorker = createEpisodeWorker } = this.#options;
    const worker = createWorker();
    const pulse = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const slot: Slot = {
      worker,
      pulse: new Int32Array(pulse),
      tasks: [],
      isReady: false,
      lastPulse: 0,
      stillTicks: 0,
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(slot, data);
    worker.onerror = (event) => {
      event.preventDefault(); // the program lives on
      this.#replace(slot, event.message);
    };
    send(slot, { kind: "start", modules, env, network, pulse });
    return slot;
  }

  #receive(slot: Slot, message: FromWorker): void {
    slot.stillTicks = 0;
    // A start that failed fails every task too, each with the same error.
    if (message.kind === "ready") slot.isReady = true;
    if (message.kind === "ready" || message.task === undefined) return;
    const at = slot.tasks.findIndex(({ message: { task } }) => task === message.task);
    if (at < 0) return; // said by a worker that was given up since
    const [task] = slot.tasks.splice(at, 1);
    this.#deathsInARow = 0;
    const { batch, place } = task;
    if (message.kind === "episode") {
      batch.results[place] = message.episode;
      batch.onEpisode?.(message.episode, place);
    } else this.#drop(batch, { place, error: errorFrom(message) });
    if (--batch.open === 0) batch.settle(batch.failure?.error);
    this.#dispatch();
  }

  /** Gives waiting tasks to workers that have room, in order. */
  #dispatch(): void {
    for (let depth = 1; depth <= TASKS_IN_FLIGHT; depth++) {
      for (const slot of this.#slots) {
        if (depth > 1 && this.#queue.length <= this.#options.count) break;
        if (slot === undefined || slot.tasks.length >= depth) continue;
        const task = this.#queue.shift();
        if (task === undefined) break;
        slot.tasks.push(task);
        send(slot, task.message);
      }
    }
    const isBusy = this.#slots.some((slot) => slot !== undefined && slot.tasks.length > 0);
    if (isBusy && this.#timer === undefined) {
      this.#timer = setInterval(() => this.#watch(), this.#tickMs);
    } else if (!isBusy) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Forgets the tasks of a batch that have not started, and notes why. */
  #drop(batch: Batch, failure: { readonly place: number; readonly error: unknown }): void {
    if (batch.failure === undefined || failure.place < batch.failure.place) batch.failure = failure;
    const kept = this.#queue.filter((task) => task.batch !== batch);
    batch.open -= this.#queue.length - kept.length;
    this.#queue.splice(0, this.#queue.length, ...kept);
    // A stop does not wait for the episodes that are under way; their results are thrown away.
    if (failure.place < 0) batch.settle(failure.error);
  }

  /** Looks for workers whose steps have stopped. */
  #watch(): void {
    for (const slot of this.#slots) {
      if (slot === undefined || slot.tasks.length === 0) continue;
      const pulse = Atomics.load(slot.pulse, 0);
      slot.stillTicks = pulse === slot.lastPulse ? slot.stillTicks + 1 : 0;
      slot.lastPulse = pulse;
      if (slot.stillTicks >= STALL_TICKS) this.#replace(slot, "it stopped simulating");
    }
  }

  /** Ends a dead worker and gives its tasks to a fresh one. */
  #replace(slot: Slot, reason: string): void {
    const index = this.#slots.indexOf(slot);
    if (index < 0) return;
    slot.worker.terminate();
    this.#deathsInARow++;
    if (slot.isReady) { for (const task of slot.tasks) task.attempts++; }
    if (this.#deathsInARow >= MAX_DEATHS * this.#options.count) {
      this.#slots[index] = undefined;
      this.#broken = this.#fail("workers must survive their start", { reason, lost: slot.tasks });
      return;
    }
    this.#slots[index] = this.#startWorker();
    // A task in the second place had not begun, but who can tell how far a dead worker came.
    const fatal = slot.tasks.find(({ attempts }) => attempts >= MAX_DEATHS);
    if (fatal !== undefined) {
      const { seed } = fatal.message;
      this.#fail(`workers must survive the episode with seed ${seed}`, {
        reason,
        lost: slot.tasks,
      });
      return;
    }
    this.#options.onWarning?.(
      `A worker died (${reason}): its episodes are run again`,
    );
    this.#queue.unshift(...slot.tasks);
    this.#dispatch();
  }

  /** Fails everything that is under way. */
  #fail(rule: string, { reason, lost }: { reason: string; lost: readonly Task[] }): Error {
    const error = new Error(`Cannot run episodes: ${rule}, got ${MAX_DEATHS} that died: ${reason}`);
    const begun = this.#slots.flatMap((slot) => slot?.tasks.splice(0) ?? []);
    for (const { batch } of [...lost, ...begun, ...this.#queue.splice(0)]) batch.settle(error);
    return error;
  }
}

/** Open files of one worker: 6 once it runs (Deno 2.9.6, Linux), up to 8 while it loads its modules. */
const FILES_PER_WORKER = 8;

/** Opens as many files as the workers will: the runtime itself does not survive a lack of them. */
function assertRoomFor(count: number): void {
  if (Deno.build.os === "windows") return;
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count * FILES_PER_WORKER) files.push(Deno.openSync("/dev/null"));
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "EMFILE" && code !== "ENFILE") return; // not permitted: nothing is known then
    throw new FileError(
      `Cannot start ${count} workers: the process must be able to open ${
        count * FILES_PER_WORKER
      } more files, got ${files.length}: use fewer --workers or raise the limit (ulimit -n)`,
    );
  } finally {
    for (const file of files) file.close();
  }
}

function createEpisodeWorker(): Worker {
  const options = {
    type: "module",
    name: "episodes",
    deno: {
      permissions: {
        read: "inherit",
        write: false,
        env: false,
        net: false,
        ffi: false,
        sys: false,
        run: false,
        import: false,
      },
    },
  };
  return new Worker(
    new URL("./episode_worker.ts", import.meta.url),
    options as WorkerOptionsOfDeno,
  );
}

type WorkerOptionsOfDeno = ConstructorParameters<typeof Worker>[1];

function send({ worker }: Slot, message: ToWorker): void {
  worker.postMessage(message);
}

function share(parameters: PolicyParameters): PolicyParameters {
  const shared = new Float32Array(new SharedArrayBuffer(parameters.byteLength));
  shared.set(parameters);
  return shared as PolicyParameters;
}

function groupByJob(episodes: readonly Episode[], jobs: readonly EvaluationJob[]): Episode[][] {
  let at = 0;
  return jobs.map(({ seeds }) => episodes.slice(at, at += seeds.length));
}

function errorFrom({ name, message }: Extract<FromWorker, { kind: "error" }>): Error {
  if (name === "DivergedError") return new DivergedError(message);
  return Object.assign(new Error(message), { name });
}
