/**
 * An episode worker: a thread that runs one episode after another.
 *
 * This is the entry point of the thread and the only module of lib/ that does something when it is
 * imported. It runs with the permission to read (for its modules and the physics engine) and no other.
 */

import type { Env, EnvRegistry } from "../../env.ts";
import type { ModelTable, Policy } from "../../model.ts";
import { playEpisode } from "../rollout.ts";
import type { FromWorker, StartMessage, TaskMessage, ToWorker } from "./messages.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void;
}

interface Parts {
  readonly env: Env;
  readonly policy: Policy;
}

async function start({ modules, env: id, network, pulse }: StartMessage): Promise<Parts> {
  const [{ registry }, { models }] = await Promise.all([
    import(modules.registry) as Promise<{ registry: EnvRegistry }>,
    import(modules.models) as Promise<{ models: ModelTable }>,
  ]);
  const env = await registry.make(id);
  const policy = models.createPolicy(env.spec, models.policyShape(env.spec, network));
  return { env: countingSteps(env, new Int32Array(pulse)), policy };
}

/** Counts the steps of an environment in shared memory. */
function countingSteps(env: Env, pulse: Int32Array): Env {
  return {
    spec: env.spec,
    observation: env.observation,
    reset: (seed) => env.reset(seed),
    step(action) {
      pulse[0]++;
      return env.step(action);
    },
    close: () => env.close(),
  };
}

async function runTask({ env, policy }: Parts, message: TaskMessage): Promise<FromWorker> {
  const { task, parameters, mean, deviation, seed, observed, limit } = message;
  policy.normalise({ mean, deviation });
  policy.load(parameters);
  return {
    kind: "episode",
    task,
    episode: await playEpisode(env, policy, { seed, observed, limit }),
  };
}

/** What an answer gives away in place of a copy. */
function buffersOf(answer: FromWorker): ArrayBuffer[] {
  const seen = answer.kind === "episode" ? answer.episode.observations : undefined;
  return seen ? [seen.buffer as ArrayBuffer] : [];
}

function errorOf(task: number | undefined, error: unknown): FromWorker {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { kind: "error", task, name, message };
}

/** Answers messages one after another, in the order in which they came. */
function serve(scope: WorkerScope): void {
  let parts: Promise<Parts> | undefined;
  let last: Promise<void> = Promise.resolve();
  scope.onmessage = ({ data }) => {
    last = last.then(async () => {
      const task = data.kind === "task" ? data.task : undefined;
      try {
        if (data.kind === "start") {
          parts = start(data);
          await parts;
          scope.postMessage({ kind: "ready" });
        } else {
          const answer = await runTask(await parts!, data);
          scope.postMessage(answer, buffersOf(answer));
        }
      } catch (error) {
        scope.postMessage(errorOf(task, error));
      }
    });
  };
}

serve(globalThis as unknown as WorkerScope);
