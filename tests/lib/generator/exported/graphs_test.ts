// deno-lint-ignore-file no-console
/**
 * The exported generator against the program: the ONNX models in ONNX Runtime under Node's binding, as
 * WebAssembly for browsers and in Python, the JavaScript module, and the C header under gcc.
 */

import assert from "node:assert/strict";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { commandFor } from "../../../../lib/generator/calibration.ts";
import { encodeActionModel, traceParameters } from "../../../../lib/generator/exported/graphs.ts";
import { generateOne } from "../../../../lib/generator/exported/int8_error.ts";
import { prepareLoops } from "../../../../lib/generator/exported/loops.ts";
import { roundMatrices } from "../../../../lib/generator/exported/quantise.ts";
import type { TrainedGenerator } from "../../../../lib/generator/generator_file.ts";
import { joinFloats } from "../../../../lib/system/bytes.ts";
import { Rng } from "../../../../lib/numbers/rng.ts";
import { toPolicyOrder } from "../../../../lib/policy_space.ts";
import type { PartialConfig } from "../../../../lib/config/config.ts";
import { models } from "../../../../models/models.ts";
import { assertAllClose } from "../../../support/close.ts";
import { run } from "../../../support/program.ts";
import { drawGenerator, openDrawn } from "../../../support/drawn_generator.ts";
import { withFolder } from "../../../support/tiny_command.ts";

const PAIRS = 1000;
const TOLERANCE = 1e-5;

interface Pairs {
  readonly wanted: Float32Array;
  /** [N, S] */
  readonly observations: Float32Array;
  /** What the program generates, [N, P] in policy order. */
  readonly parameters: Float32Array;
  /** What the program does, [N, A]. */
  readonly actions: Float64Array;
}

/** What another runtime gave for the pairs. */
type Answers = Pick<Pairs, "parameters"> & { readonly actions: ArrayLike<number> };

/** Draws returns in and about the reachable range and observations as the normaliser knows them. */
async function drawPairs(generator: TrainedGenerator): Promise<Pairs> {
  const { spec, shape, normaliser, calibration, pass, values, model } = generator;
  const size = shape.sizes[0];
  const width = spec.actionSpace.kind === "box" ? shape.sizes.at(-1)! : 1;
  const rng = Rng.fromSeed(7);
  const means = calibration.points.map(({ mean }) => mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const margin = 0.2 * (high - low);
  const wanted = Float32Array.from(
    { length: PAIRS },
    () => rng.uniform(low - margin, high + margin),
  );
  const observations = Float32Array.from(
    { length: PAIRS * size },
    (_, i) => normaliser.mean[i % size] + 2 * normaliser.deviation[i % size] * rng.standardNormal(),
  );
  const commands = Array.from(wanted, (one) => commandFor(calibration, one).command);
  const rows = await pass.run(values, { commands, rng });
  const policy = models.createPolicy(spec, shape);
  policy.normalise(normaliser);
  const actions = new Float64Array(PAIRS * width);
  const parameters = new Float32Array(PAIRS * shape.parameterCount);
  for (const [i, row] of rows.entries()) {
    const own = toPolicyOrder(model, row);
    parameters.set(own, i * own.length);
    policy.load(own);
    const observation = Float64Array.from(observations.subarray(i * size, (i + 1) * size));
    await policy.act(observation, actions.subarray(i * width, (i + 1) * width));
  }
  return { wanted, observations, parameters, actions };
}

/** The paths of the two models. */
interface Models {
  readonly action: string;
  readonly parameters: string;
}

/** ONNX Runtime as a package of JavaScript. */
interface Runtime extends Pick<typeof web, "InferenceSession" | "Tensor"> {
  /** What it computes with; it has no other. */
  readonly provider: "cpu" | "wasm";
}

async function runOnnx(
  { InferenceSession, Tensor, provider }: Runtime,
  paths: Models,
  { wanted, observations }: Pairs,
): Promise<Answers> {
  const options = { intraOpNumThreads: 1, executionProviders: [provider] };
  const size = observations.length / PAIRS;
  const wantedReturn = new Tensor("float32", wanted, [PAIRS]);
  const observation = new Tensor("float32", observations, [PAIRS, size]);
  const answer = async (path: string, feeds: Record<string, web.Tensor>, output: string) => {
    const bytes = Deno.readFileSync(path);
    const session = await InferenceSession.create(bytes, options);
    const { data } = (await session.run(feeds))[output];
    await session.release();
    return data;
  };
  const data = await answer(paths.action, { wantedReturn, observation }, "action");
  return {
    actions: Array.from(data as ArrayLike<number | bigint>, Number),
    parameters: await answer(paths.parameters, { wantedReturn }, "parameters") as Float32Array,
  };
}

const SCRIPT = `
import sys, numpy as np, onnxruntime as ort
action, parameters, wanted, observation, out = sys.argv[1:]
w = np.fromfile(wanted, np.float32)
o = np.fromfile(observation, np.float32).reshape(len(w), -1)
def answer(path, name, **feeds):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([name], feeds)[0]
answer(action, "action", wantedReturn=w, observation=o).astype(np.float64).tofile(out + ".a")
answer(parameters, "parameters", wantedReturn=w).tofile(out + ".p")
`;

async function runPython(folder: string, paths: Models, pairs: Pairs): Promise<Answers> {
  const [wanted, observations, out] = ["w", "o", "out"].map((name) => `${folder}/${name}`);
  Deno.writeFileSync(wanted, new Uint8Array(pairs.wanted.buffer));
  Deno.writeFileSync(observations, new Uint8Array(pairs.observations.buffer));
  const args = ["-c", SCRIPT, paths.action, paths.parameters, wanted, observations, out];
  const { success, stderr } = await new Deno.Command("python3", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return {
    actions: new Float64Array(Deno.readFileSync(`${out}.a`).buffer),
    parameters: new Float32Array(Deno.readFileSync(`${out}.p`).buffer),
  };
}

async function runModule(path: string, { wanted, observations }: Pairs): Promise<Answers> {
  const module = await import(
    `data:text/javascript,${encodeURIComponent(Deno.readTextFileSync(path))}`
  );
  const size = observations.length / PAIRS;
  const rows: Float32Array[] = [];
  const actions = Array.from(wanted, (one, i) => {
    rows.push(module.generate(one));
    const action = module.act(rows[i], observations.subarray(i * size, (i + 1) * size));
    return typeof action === "number" ? [action] : [...action];
  });
  return { actions: actions.flat(), parameters: joinFloats(rows) };
}

/** Compiles the header and runs it; undefined where there is no gcc. */
async function runHeader(
  folder: string,
  pairs: Pairs,
  options: readonly string[] = [],
): Promise<Answers | undefined> {
  const size = pairs.observations.length / PAIRS;
  const width = pairs.actions.length / PAIRS;
  const count = pairs.parameters.length / PAIRS;
  const isDiscrete = pairs.actions.every(Number.isInteger);
  const call = isDiscrete
    ? "action[0] = (float)g_act(parameters, observation);"
    : "g_act(parameters, observation, action);";
  Deno.writeTextFileSync(
    `${folder}/main.c`,
    `#include <stdio.h>
#include "g.h"
#include "g.h"
int main(void) {
  float wanted, parameters[${count}], observation[${size}], action[${width}];
  while (fread(&wanted, 4, 1, stdin) == 1 && fread(observation, 4, ${size}, stdin) == ${size}) {
    g_generate(wanted, parameters);
    ${call}
    fwrite(parameters, 4, ${count}, stdout);
    fwrite(action, 4, ${width}, stdout);
  }
  return 0;
}
`,
  );
  const input = joinFloats(
    Array.from(
      pairs.wanted,
      (one, i) => Float32Array.of(one, ...pairs.observations.subarray(i * size, (i + 1) * size)),
    ),
  );
  const strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
  const args = [...strict, ...options, "main.c", "-o", "main", "-lm"];
  try {
    const { stderr } = await new Deno.Command("gcc", { args, cwd: folder }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const child = new Deno.Command(`${folder}/main`, { stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new Uint8Array(input.buffer)).then(() => writer.close());
  const { stdout } = await child.output();
  await written;
  const floats = new Float32Array(stdout.slice().buffer);
  const row = count + width;
  const part = (from: number, to: number) =>
    joinFloats(Array.from(pairs.wanted, (_, i) => floats.subarray(i * row + from, i * row + to)));
  return { parameters: part(0, count), actions: part(count, row) };
}

/** Whether Python has an ONNX Runtime to compare with. */
async function hasPythonRuntime(): Promise<boolean> {
  const args = ["-c", "import numpy, onnxruntime"];
  try {
    return (await new Deno.Command("python3", { args, stderr: "null" }).output()).success;
  } catch {
    return false; // there is no Python
  }
}

const hasPython = await hasPythonRuntime();

/** Continuous and discrete actions, linear and deep policies with several tiles, both encodings. */
const CASES: readonly (PartialConfig & { readonly env: string })[] = [
  { env: "Pendulum-v1", policy: { hiddenSizes: [16, 8] }, generator: { tileSize: 8 } },
  { env: "CartPole-v1" },
  {
    env: "Pendulum-v1",
    policy: { hiddenSizes: [16, 8], skip: "linear" },
    generator: { tileSize: 8 },
  },
  {
    env: "CartPole-v1",
    policy: { hiddenSizes: [8, 8], activation: "relu" },
    generator: { tileSize: 4, hiddenSizes: [16], commandEncoding: "scalar" },
  },
];

/** Asserts that parameters are what weights of 8 bits give, and not what float32 gives. */
function isRounded(generator: TrainedGenerator, pairs: Pairs, { parameters }: Answers): void {
  const graph = roundMatrices(prepareLoops(traceParameters(generator, 1)));
  const size = generator.shape.parameterCount;
  const misses = Array.from(pairs.wanted.subarray(0, 50), (wanted, i) => {
    const expected = generateOne(graph, wanted);
    const own = parameters.subarray(i * size, (i + 1) * size);
    return Math.max(...expected.map((x, j) => Math.abs(own[j] - x)));
  });
  assert.ok(misses.filter((miss) => miss > TOLERANCE).length <= 1, `${misses}`);
  assert.notDeepEqual(parameters, pairs.parameters);
}

for (const config of CASES) {
  const title = `${config.env}, layers [${config.policy?.hiddenSizes ?? ""}], skip ${
    config.policy?.skip ?? "none"
  }`;
  Deno.test(`export writes what acts as the program does in ${title}`, (t) =>
    withFolder(async (folder) => {
      const out = `${folder}/drawn.safetensors`;
      drawGenerator(out, config);
      for (const file of ["g.onnx", "g.js", "g.h"]) {
        const exported = await run(["export", out, "--out", `${folder}/${file}`, "--json"]);
        assert.equal(exported.code, 0, exported.stderr);
      }
      const generator = openDrawn(out);
      const pairs = await drawPairs(generator);
      const isSame = ({ actions, parameters }: Answers, runtime: string) => {
        // Beside a measured return two commands may be as good as each other: rounding decides.
        const size = generator.shape.parameterCount;
        const ties = Array.from(pairs.wanted, (_, i) => {
          const own = parameters.subarray(i * size, (i + 1) * size);
          const gap = (x: number, j: number) => Math.abs(x - pairs.parameters[i * size + j]);
          return own.length < size || own.some((x, j) => gap(x, j) > TOLERANCE);
        });
        const tied = ties.filter((isTied) => isTied).length;
        assert.ok(tied <= PAIRS / 500, `${tied} in ${runtime}`);
        const { actionSpace: space } = generator.spec;
        const width = actions.length / PAIRS;
        const same = Array.from(pairs.actions).flatMap((action, i) =>
          ties[Math.floor(i / width)] ? [] : [[actions[i], action]]
        );
        if (space.kind === "box") {
          assertAllClose(same.map(([a]) => a), same.map(([, b]) => b), { tolerance: TOLERANCE });
          const [low, high] = [Math.fround(space.low[0]), Math.fround(space.high[0])];
          assert.ok(Array.from(actions).every((x) => x >= low && x <= high), runtime);
          return;
        }
        // Where two outputs are as good as equal, rounding decides.
        const differ = same.filter(([a, b]) => a !== b).length;
        assert.ok(differ <= PAIRS / 500, `${differ} in ${runtime}`);
      };
      const paths = { action: `${folder}/g.onnx`, parameters: `${folder}/g.parameters.onnx` };
      isSame(await runOnnx({ ...native, provider: "cpu" }, paths, pairs), "onnxruntime-node");
      isSame(await runOnnx({ ...web, provider: "wasm" }, paths, pairs), "onnxruntime-web");
      const module = await runModule(`${folder}/g.js`, pairs);
      isSame(module, "JavaScript");
      // The comparison notices an error of a thousandth.
      const wrong = { ...module, parameters: module.parameters.map((x) => x + 1e-3) };
      assert.throws(() => isSame(wrong, "wrong"), /in wrong/);
      const compiled = await runHeader(folder, pairs);
      if (compiled === undefined) console.info("gcc is not installed: the header was not compiled");
      else {
        isSame(compiled, "gcc");
        isRounded(generator, pairs, (await runHeader(folder, pairs, ["-DG_INT8"]))!);
      }
      await t.step({
        name: "in Python's onnxruntime, where it is installed",
        ignore: !hasPython,
        fn: async () => isSame(await runPython(folder, paths, pairs), "Python"),
      });
      await generator.pass.close();
    }));
}

Deno.test("encodeActionModel() refuses a generator that draws a policy for each request", () => {
  const generator = { model: { latentSize: 4 }, calibration: { points: [], bestReturn: 1 } };
  assert.throws(
    () =>
      encodeActionModel(
        {
          ...generator,
          spec: { id: "x" },
          shape: { sizes: [1, 1] },
          config: { policy: { hiddenSizes: [] } },
        } as unknown as TrainedGenerator,
        models,
      ),
    /^UsageError: Cannot export generator: generator.kind must be tiled, got cvae/,
  );
});
