/**
 * Times episodes of Gymnasium's environments beside a plain Python loop:
 *
 *     deno run -A tests/bench/gym_bench.ts [ROUNDS] [ENV...]
 *
 * The loop replays the very episodes, its actions listed beforehand, so that it does nothing but step. It and
 * this program with one child and with two take turns, so that whatever else the machine does hits all.
 * Processor time says what a busy machine hides: with a core each, a child and this program work at once.
 * Needs Python with Gymnasium, see UDRLPG_PYTHON.
 */

import { cpuUsage } from "node:process";
import { connectEnv } from "../../lib/episodes/process/env_process.ts";
import { gymProgram } from "../../lib/episodes/process/gym_env.ts";
import { createParallelRunner, Lanes } from "../../lib/episodes/parallel_runner.ts";
import type { Env } from "../../lib/env.ts";
import { runEpisode } from "../../lib/episodes/rollout.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { models } from "../../models/models.ts";
import { drawPolicy } from "../support/random_policy.ts";
import { tanhNetwork } from "../support/tanh_network.ts";

const PYTHON = Deno.env.get("UDRLPG_PYTHON") || "python3";
/** Steps of a round, about. */
const STEPS = 20_000;
/** The unit of Linux's processor times. */
const TICKS_PER_SECOND = 100;

if (import.meta.main) {
  const [rounds = "9", ...names] = Deno.args;
  for (const name of names.length > 0 ? names : ["CartPole-v1", "LunarLander-v3"]) {
    await bench(name, Number(rounds));
  }
}

async function bench(name: string, rounds: number): Promise<void> {
  const program = gymProgram(`gym:${name}`, PYTHON);
  const makeEnv = () => connectEnv(program);
  const env = await makeEnv();
  const shape = models.policyShape(env.spec, tanhNetwork([]));
  const makePolicy = () => models.createPolicy(env.spec, shape);
  const size = shape.sizes[0];
  const normaliser = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  const parameters = drawPolicy(shape, Rng.fromSeed([1]));
  const policy = makePolicy();
  policy.load(parameters);
  const { seeds, file, steps } = await list(env, policy);
  const loop = new Deno.Command(PYTHON, {
    args: [new URL("gym_loop.py", import.meta.url).pathname, name, file],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const say = loop.stdin.getWriter();
  const lines = loop.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const plain = async (): Promise<Times> => {
    await say.write(new TextEncoder().encode("\n"));
    let line = "";
    while (!line.endsWith("\n")) line += (await lines.read()).value ?? "\n";
    const [wall, child] = JSON.parse(line) as [number, number];
    return { wall, child, program: 0 };
  };
  const open = async (count: number) =>
    new Lanes(count, { env: await makeEnv(), policy: makePolicy() }, { makeEnv, makePolicy });
  const all = [await open(1), await open(2)];
  const own = all.map((lanes) => async (): Promise<Times> => {
    const [started, usage, children] = [performance.now(), cpuUsage(), childrenSeconds(loop.pid)];
    await createParallelRunner(lanes).run([{ parameters, seeds }], normaliser);
    const { user, system } = cpuUsage(usage);
    return {
      wall: (performance.now() - started) / 1000,
      child: childrenSeconds(loop.pid) - children,
      program: (user + system) / 1e6,
    };
  });
  const contestants = [plain, ...own];
  const times: Times[][] = contestants.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, run] of contestants.entries()) {
      const time = await run();
      if (round > 0) times[i].push(time); // the first one warms up
    }
  }
  await say.close();
  for (const lanes of all) await lanes.close();
  await env.close();
  await Deno.remove(file);
  reportTimes(`${name}, ${steps} steps`, { times, steps });
}

/** Seconds that a round took, and those of processors. */
interface Times {
  readonly wall: number;
  readonly child: number;
  readonly program: number;
}

function reportTimes(
  title: string,
  { times: [loop, one, two], steps }: { times: Times[][]; steps: number },
): void {
  const us = (seconds: number[]) => (1e6 * median(seconds) / steps).toFixed(1);
  const wall = (times: Times[]) => times.map((time) => time.wall);
  report(
    `${title}: us a step of the loop ${us(wall(loop))}, one child ${us(wall(one))}, two ${
      us(wall(two))
    }`,
  );
  report(`  one child to the loop ${spread(one.map((time, i) => time.wall / loop[i].wall))}`);
  report(`  two are faster than one by ${spread(one.map((time, i) => time.wall / two[i].wall))}`);
  report(
    `  processor: loop ${us(loop.map((time) => time.child))}, child ${
      us(one.map((time) => time.child))
    } and program ${us(one.map((time) => time.program))}, child to the loop ${
      spread(one.map((time, i) => time.child / loop[i].child))
    }`,
  );
}

/** Seconds of processors that the child processes of this one have had, but for one of them. */
function childrenSeconds(besides: number): number {
  const pids = Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`).trim().split(" ");
  return pids.filter((pid) => Number(pid) !== besides).reduce((sum, pid) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }, 0);
}

/** Plays episodes until they have enough steps; writes their actions to a file. */
async function list(env: Env, policy: ReturnType<typeof models.createPolicy>) {
  const episodes: [seed: number, actions: (number | number[])[]][] = [];
  let steps = 0;
  const isDiscrete = env.spec.actionSpace.kind === "discrete";
  while (steps < STEPS) {
    const actions: (number | number[])[] = [];
    const recording: Env = Object.create(env, {
      observation: { value: env.observation },
      spec: { value: env.spec },
      reset: { value: (seed?: number) => env.reset(seed) },
      step: {
        value(action: ArrayLike<number>) {
          actions.push(isDiscrete ? action[0] : Array.from(action));
          return env.step(action);
        },
      },
    });
    const seed = episodes.length;
    steps += (await runEpisode(recording, policy, { seed })).length;
    episodes.push([seed, actions]);
  }
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, JSON.stringify(episodes));
  return { seeds: episodes.map(([seed]) => seed), file, steps };
}

/** Median of ratios, and the least and greatest. */
function spread(ratios: number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
