/** What the program and its episode workers say to each other. All of it can be cloned. */

import type { PolicyNetwork } from "../../model.ts";
import type { PolicyParameters } from "../../policy_space.ts";
import type { Episode } from "../rollout.ts";

/**
 * Where the worker finds what it runs: a worker starts with nothing, and lib/ knows no environment and
 * no network of its own.
 */
export interface WorkerModules {
  /** URL of a module that exports `registry`, an EnvRegistry. */
  readonly registry: string;
  /** URL of a module that exports `models`, a ModelTable. */
  readonly models: string;
}

/** The first message to a worker. */
export interface StartMessage {
  /** Tells the messages apart. */
  readonly kind: "start";
  /** What to import. */
  readonly modules: WorkerModules;
  /** Environment id. */
  readonly env: string;
  /** What the policies look like. */
  readonly network: PolicyNetwork;
  /** The worker counts its steps here, so that it can be told from a dead one; one Int32. */
  readonly pulse: SharedArrayBuffer;
}

/** One episode to run. */
export interface TaskMessage {
  /** Tells the messages apart. */
  readonly kind: "task";
  /** Number of the task, for the answer. */
  readonly task: number;
  /** [P], in shared memory: sending it copies nothing. */
  readonly parameters: PolicyParameters;
  /** Mean of the normaliser, [S]. */
  readonly mean: Float64Array;
  /** Deviation of the normaliser, [S]. */
  readonly deviation: Float64Array;
  /** Seed of the episode. */
  readonly seed: number;
  /** Whether the answer is to have what the policy saw. */
  readonly observed: boolean;
  /** Steps after which it is left. */
  readonly limit: number | undefined;
}

/** What a worker is told. */
export type ToWorker = StartMessage | TaskMessage;

/** What a worker answers. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "episode"; readonly task: number; readonly episode: Episode }
  /** An error that would come again: of the episode, or of the start when there is no task. */
  | {
    readonly kind: "error";
    readonly task: number | undefined;
    readonly name: string;
    readonly message: string;
  };
