/** The exported generator against the program, in ONNX Runtime under Node's binding and Python. */

import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { commandFor } from "../../../lib/generator/calibration.ts";
import { encodeGenerator } from "../../../lib/generator/exported_generator.ts";
import { loadGenerator, type TrainedGenerator } from "../../../lib/generator/generator_file.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { toPolicyOrder } from "../../../lib/policy_space.ts";
import { registry } from "../../../envs/registry.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { run } from "../../support/program.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

const PAIRS = 1000;
const TOLERANCE = 1e-5;

interface Pairs {
  readonly wanted: Float32Array;
  /** [N, S] */
  readonly observations: Float32Array;
  /** What the program does, [N, A]. */
  readonly actions: Float64Array;
}

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
  for (const [i, row] of rows.entries()) {
    policy.load(toPolicyOrder(model, row));
    const observation = Float64Array.from(observations.subarray(i * size, (i + 1) * size));
    await policy.act(observation, actions.subarray(i * width, (i + 1) * width));
  }
  return { wanted, observations, actions };
}

async function runNode(bytes: Uint8Array, { wanted, observations }: Pairs): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const size = observations.length / PAIRS;
  const { action } = await session.run({
    wantedReturn: new Tensor("float32", wanted, [PAIRS]),
    observation: new Tensor("float32", observations, [PAIRS, size]),
  });
  await session.release();
  return Array.from(action.data as ArrayLike<number | bigint>, Number);
}

const SCRIPT = `
import sys, numpy as np, onnxruntime as ort
model, wanted, observation, out = sys.argv[1:]
session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
w = np.fromfile(wanted, np.float32)
o = np.fromfile(observation, np.float32).reshape(len(w), -1)
session.run(["action"], {"wantedReturn": w, "observation": o})[0].astype(np.float64).tofile(out)
`;

async function runPython(folder: string, path: string, pairs: Pairs): Promise<number[]> {
  const [wanted, observations, out] = ["w", "o", "a"].map((name) => `${folder}/${name}`);
  Deno.writeFileSync(wanted, new Uint8Array(pairs.wanted.buffer));
  Deno.writeFileSync(observations, new Uint8Array(pairs.observations.buffer));
  const args = ["-c", SCRIPT, path, wanted, observations, out];
  const { success, stderr } = await new Deno.Command("python3", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return [...new Float64Array(Deno.readFileSync(out).buffer)];
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

function load(out: string): TrainedGenerator {
  return loadGenerator(`${out}/generator.safetensors`, {
    specOf: (id) => registry.spec(id),
    models,
    session: { device: "cpu" },
  });
}

const hasPython = await hasPythonRuntime();

/** A continuous policy with tiles in its hidden layer, and a discrete one that is linear. */
const CASES: readonly (readonly [title: string, options: readonly string[]])[] = [
  ["Pendulum-v1", ["--env", "Pendulum-v1", "--steps", "8000", "--set", "policy.hiddenSizes=32,32"]],
  ["CartPole-v1", ["--set", "policy.hiddenSizes="]],
  ["CartPole-v1 with scalar commands", ["--set", "generator.commandEncoding=scalar"]],
];

for (const [title, options] of CASES) {
  Deno.test(`export writes a graph that acts as the program does in ${title}`, (t) =>
    withFolder(async (folder) => {
      const out = `${folder}/run`;
      const { code, stderr } = await trainTiny(out, options);
      assert.equal(code, 0, stderr);
      const path = `${folder}/generator.onnx`;
      const exported = await run(["export", out, "--out", path, "--json"]);
      assert.equal(exported.code, 0, exported.stderr);
      const generator = load(out);
      const pairs = await drawPairs(generator);
      const isSame = (actions: readonly number[], runtime: string) => {
        const { actionSpace: space } = generator.spec;
        if (space.kind === "box") {
          assertAllClose(actions, pairs.actions, { tolerance: TOLERANCE });
          const [low, high] = [Math.fround(space.low[0]), Math.fround(space.high[0])];
          assert.ok(actions.every((action) => action >= low && action <= high), runtime);
          return;
        }
        // Where two outputs are as good as equal, rounding decides.
        const differ = actions.filter((action, i) => action !== pairs.actions[i]).length;
        assert.ok(differ <= PAIRS / 500, `${differ} in ${runtime}`);
      };
      isSame(await runNode(Deno.readFileSync(path), pairs), "onnxruntime-node");
      await t.step({
        name: "in Python's onnxruntime, where it is installed",
        ignore: !hasPython,
        fn: async () => isSame(await runPython(folder, path, pairs), "Python"),
      });
      await generator.pass.close();
    }));
}

Deno.test("encodeGenerator() refuses a generator that draws a policy for each request", () => {
  const generator = { model: { latentSize: 4 }, calibration: { points: [], bestReturn: 1 } };
  assert.throws(
    () =>
      encodeGenerator(
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
