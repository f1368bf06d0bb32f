/** Policy files: driven in ONNX Runtime beside the built-in forward, round trips, and damage. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { registry } from "../../../envs/registry.ts";
import type { EnvSpec } from "../../../lib/env.ts";
import type { PolicyNetwork } from "../../../lib/model.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { sealOnnx } from "../../../lib/formats/checksum.ts";
import { protoBytesField } from "../../../lib/formats/protobuf.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../lib/formats/safetensors.ts";
import { joinBytes } from "../../../lib/system/bytes.ts";
import { readOnnx } from "../../../lib/onnx/reader.ts";
import { POLICY_OPERATORS } from "../../../lib/onnx/policy.ts";
import {
  formatOf,
  POLICY_FORMATS,
  type PolicyFormat,
  type PolicyLabel,
  type PolicyNumbers,
  writePolicy,
} from "../../../lib/generator/policy_file.ts";
import { readPolicy, readPolicyNumbers } from "../../../lib/generator/read_policy.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import { assertAllClose } from "../../support/close.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";
import type { PolicyParameters } from "../../../lib/policy_space.ts";
import { tanhNetwork } from "../../support/tanh_network.ts";

const LABEL: Omit<PolicyLabel, "environment"> = {
  requestedReturn: 180.5,
  command: 0.1 + 0.2,
  measuredReturn: { mean: 179, std: 1.25, n: 3, ci95: [175, 183], seeds: [1, 2 ** 32 - 1, 3] },
  generator: "ab".repeat(32),
};

/** A policy with random numbers that keep its outputs in the range where tanh bends. */
function drawPolicy(spec: EnvSpec, network: PolicyNetwork): PolicyNumbers {
  const shape = models.policyShape(spec, network);
  const rng = Rng.fromSeed(21);
  const size = shape.sizes[0];
  const parameters = shape.scale.map((scale) => 1.5 * scale * rng.standardNormal());
  return {
    ...network,
    parameters: parameters as PolicyParameters,
    normaliser: {
      mean: new Float64Array(size).map(() => 0.01 * rng.standardNormal()),
      deviation: new Float64Array(size).map(() => rng.uniform(0.02, 0.5)),
    },
  };
}

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = makeFastFolder();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const RELU: PolicyNetwork = { hiddenSizes: [16, 16], activation: "relu", skip: "linear" };

function write(path: string, id: string, network = RELU): PolicyNumbers {
  const spec = registry.spec(id);
  const numbers = drawPolicy(spec, network);
  const label = { ...LABEL, environment: id };
  writePolicy(path, { numbers, label, format: formatOf(path), spec, models });
  return numbers;
}

const DRIVEN: readonly [id: string, network: PolicyNetwork][] = [
  ["InvertedPendulum-v5", tanhNetwork([32, 32])],
  ["Hopper-v5", tanhNetwork([64, 64])],
  ["Hopper-v5", { hiddenSizes: [64, 64], activation: "relu", skip: "none" }],
  ["Hopper-v5", { hiddenSizes: [33, 64], activation: "tanh", skip: "linear" }],
  ["CartPole-v1", tanhNetwork([32])],
];

for (const [id, network] of DRIVEN) {
  Deno.test(`writePolicy() writes an ONNX file that drives ${id} as the built-in ${network.activation} forward does`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "policy.onnx");
      const { parameters, normaliser } = write(path, id, network);
      const env = await registry.make(id);
      const policy = models.createPolicy(env.spec, models.policyShape(env.spec, network));
      policy.load(parameters);
      policy.normalise(normaliser);
      // ONNX Runtime itself, without this program's reader or session.
      const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
      const size = env.observation.length;
      const isDiscrete = env.spec.actionSpace.kind === "discrete";
      const action = new Float64Array(
        env.spec.actionSpace.kind === "discrete" ? 1 : env.spec.actionSpace.low.length,
      );
      const seen = new Set<number>();
      let isRunning = false;
      for (let step = 0; step < 300; step++) {
        if (!isRunning) await env.reset(step);
        const observation = new Tensor("float32", Float32Array.from(env.observation), [1, size]);
        const outputs = await session.run({ observation });
        await policy.act(env.observation, action);
        const given = Array.from(outputs.action.data as ArrayLike<number | bigint>, Number);
        if (isDiscrete) assert.deepEqual(given, [...action]);
        else assertAllClose(given, action, { tolerance: 1e-5 });
        seen.add(given[0]);
        const { terminated, truncated } = await env.step(given);
        isRunning = !terminated && !truncated;
      }
      assert.ok(seen.size >= 2, "the policy acts in more than one way");
      await session.release();
      await env.close();
    }));
}

Deno.test("writePolicy() gives ONNX files the documented inputs, outputs and operators", () =>
  withFolder((folder) => {
    const describe = (id: string) => {
      const path = join(folder, "policy.onnx");
      write(path, id);
      return readOnnx(Deno.readFileSync(path), { name: path });
    };
    const hopper = describe("Hopper-v5");
    const shapeOf = ({ name, shape }: { name: string; shape?: readonly unknown[] | undefined }) =>
      [name, shape] as const;
    assert.deepEqual(hopper.inputs.map(shapeOf), [["observation", ["N", 11]]]);
    assert.deepEqual(hopper.outputs.map(shapeOf), [["action", ["N", 3]]]);
    const cartPole = describe("CartPole-v1");
    assert.deepEqual(cartPole.outputs.map(shapeOf), [["action", ["N"]], ["logits", ["N", 2]]]);
    for (const { nodes } of [hopper, cartPole]) {
      for (const { opType } of nodes) assert.ok(POLICY_OPERATORS.has(opType), opType);
    }
  }));

for (const format of POLICY_FORMATS) {
  Deno.test(`readPolicy() gives back what writePolicy() wrote as ${format}`, () =>
    withFolder(async (folder) => {
      const path = join(folder, `policy.${format}`);
      const spec = registry.spec("Hopper-v5");
      const { parameters, normaliser } = write(path, spec.id);
      const loaded = readPolicy(path, { models });
      assert.equal(loaded.format, format);
      assert.equal(loaded.environment, "Hopper-v5");
      const { metadata } = loaded;
      assert.equal(metadata.format, "udrlpg-policy");
      assert.deepEqual(JSON.parse(metadata.measuredReturn), LABEL.measuredReturn);
      assert.equal(Number(metadata.requestedReturn), LABEL.requestedReturn);
      assert.equal(Number(metadata.command), LABEL.command);
      assert.equal(metadata.generator, LABEL.generator);
      assert.deepEqual(JSON.parse(metadata.hiddenSizes), [16, 16]);
      assert.equal(metadata.activation, "relu");
      assert.match(metadata.program, /^udrlpg \d/);
      const original = models.createPolicy(spec, models.policyShape(spec, RELU));
      original.load(parameters);
      original.normalise(normaliser);
      const read = await loaded.open(spec);
      const [expected, action] = [new Float64Array(3), new Float64Array(3)];
      const rng = Rng.fromSeed(2);
      for (let i = 0; i < 20; i++) {
        const observation = new Float64Array(11).map(() => rng.standardNormal());
        await original.act(observation, expected);
        await read.act(observation, action);
        assertAllClose(action, expected, { tolerance: format === "onnx" ? 1e-5 : 0 });
      }
    }));

  Deno.test(`readPolicy() refuses to act in another environment from ${format}`, () =>
    withFolder(async (folder) => {
      const path = join(folder, `policy.${format}`);
      write(path, "Hopper-v5");
      const loaded = readPolicy(path, { models });
      const use = async () => {
        const policy = await loaded.open(registry.spec("Swimmer-v5"));
        await policy.act(new Float64Array(8), new Float64Array(2));
      };
      await assert.rejects(use, (error: Error) => {
        assert.ok(error instanceof FileError, `${error}`);
        assert.match(error.message, /^Cannot use policy ".*" in "Swimmer-v5": it must /);
        return true;
      });
    }));

  Deno.test(`readPolicy() refuses ${format} files that are missing, empty, cut off or something else`, () =>
    withFolder((folder) => {
      const path = join(folder, `policy.${format}`);
      write(path, "CartPole-v1");
      const bytes = Deno.readFileSync(path);
      const damaged: (Uint8Array | undefined)[] = [
        undefined,
        new Uint8Array(),
        bytes.subarray(0, bytes.length / 2),
        new TextEncoder().encode("this is no policy"),
      ];
      for (const content of damaged) {
        if (content === undefined) Deno.removeSync(path);
        else Deno.writeFileSync(path, content);
        assert.throws(() => readPolicy(path, { models }), (error: Error) => {
          assert.ok(error instanceof FileError, `${error}`);
          assert.match(error.message, /^Cannot read /);
          assert.ok(error.message.includes(path));
          return true;
        });
      }
    }));
}

for (const format of POLICY_FORMATS) {
  Deno.test(`readPolicy() refuses any flipped bit of ${format} files, and files without a checksum`, () =>
    withFolder(async (folder) => {
      const path = join(folder, `policy.${format}`);
      write(path, "CartPole-v1");
      const bytes = Deno.readFileSync(path);
      for (let bit = 5; bit < bytes.length * 8; bit += 997) {
        const damaged = bytes.slice();
        damaged[bit >> 3] ^= 1 << (bit & 7);
        Deno.writeFileSync(path, damaged);
        try {
          readPolicy(path, { models });
          // Of a JSON text some bits change nothing, such as those beyond the digits of a float32.
          assert.equal(format, "json", `bit ${bit}`);
          assert.deepEqual(JSON.parse(decode(damaged), fround), JSON.parse(decode(bytes), fround));
        } catch (error) {
          assert.ok(error instanceof FileError, `bit ${bit}: ${error}`);
        }
      }
      Deno.writeFileSync(path, withoutChecksum(bytes, format));
      assert.throws(
        () => readPolicy(path, { models }),
        /^FileError: Cannot read policy ".*": it must carry a checksum \(sha256\), got none: an older/,
      );
      await Promise.resolve();
    }));
}

function fround(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Math.fround(value) : value;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function withoutChecksum(bytes: Uint8Array<ArrayBuffer>, format: PolicyFormat): Uint8Array {
  if (format === "onnx") return bytes.subarray(0, 2 * bytes.length - sealOnnx(bytes).length);
  if (format === "json") {
    const policy = JSON.parse(decode(bytes));
    delete policy.metadata.sha256;
    return new TextEncoder().encode(JSON.stringify(policy));
  }
  const { tensors, metadata: { sha256: _, ...rest } } = decodeSafetensors(bytes, { name: "x" });
  return encodeSafetensors(tensors, rest);
}

Deno.test("readPolicy() runs an ONNX model that was changed only where it is trusted", () =>
  withFolder((folder) => {
    const path = join(folder, "policy.onnx");
    write(path, "CartPole-v1");
    const bytes = Deno.readFileSync(path);
    // A comment more, as another program may write one: field 6 is the doc string.
    Deno.writeFileSync(path, joinBytes([bytes, ...protoBytesField(6, "mine")]));
    assert.throws(() => readPolicy(path, { models }), /it must match its checksum: it was damaged/);
    assert.equal(readPolicy(path, { models, trust: true }).environment, "CartPole-v1");
  }));

/** A JSON policy as far as the tests break it. */
interface JsonPolicy {
  metadata: Record<string, unknown>;
  parameters: unknown;
  normaliser: unknown;
}

/** The rule that is broken, and how. */
const BROKEN: readonly [rule: string, edit: (policy: JsonPolicy) => void][] = [
  ["parameters must be a list of numbers", (policy) => policy.parameters = "1"],
  ["activation must be one of tanh, relu", (policy) => delete policy.metadata.activation],
  ["activation must be one of tanh, relu", (policy) => policy.metadata.activation = "sine"],
  ["skip must be one of none, linear", (policy) => delete policy.metadata.skip],
  ["normaliser must be an object", (policy) => policy.normaliser = []],
  [
    "normaliser mean and deviation must be equally long",
    (policy) => policy.normaliser = { mean: [0], deviation: [1, 1] },
  ],
  [
    "deviations must be positive",
    (policy) => policy.normaliser = { mean: [0, 0, 0, 0], deviation: [1, 1, 0, 1] },
  ],
];

for (const [rule, edit] of BROKEN) {
  Deno.test(`readPolicy() rejects a JSON policy by the rule: ${rule}`, () =>
    withFolder((folder) => {
      const path = join(folder, "policy.json");
      write(path, "CartPole-v1");
      const policy = JSON.parse(Deno.readTextFileSync(path));
      edit(policy);
      Deno.writeTextFileSync(path, JSON.stringify(policy));
      assert.throws(() => readPolicy(path, { models }), {
        name: "FileError",
        message: `Cannot read policy "${path}": ${rule}`,
      });
    }));
}

Deno.test("formatOf() reads the ending and rejects others", () => {
  const endings: [string, PolicyFormat][] = [
    ["a/b.onnx", "onnx"],
    ["P.ONNX", "onnx"],
    ["x.y.json", "json"],
    ["p.safetensors", "safetensors"],
  ];
  for (const [path, format] of endings) assert.equal(formatOf(path), format);
  for (const path of ["policy", "policy.pt", "onnx", "dir.onnx/policy"]) {
    assert.throws(() => formatOf(path), {
      name: "RangeError",
      message:
        `Cannot tell the format of "${path}": the name must end in .onnx, .safetensors or .json`,
    });
  }
});

Deno.test("writePolicy() writes numbers as numbers into JSON, and says in every format how parameters lie", () =>
  withFolder(async (folder) => {
    for (const format of POLICY_FORMATS) {
      const path = join(folder, `p.${format}`);
      write(path, "CartPole-v1");
      const { metadata } = readPolicy(path, { models });
      assert.match(metadata.parameterLayout, /^W1, b1, W2, b2, .*row by row/, format);
      assert.equal(metadata.requestedReturn, "180.5", "read as text, as ever");
    }
    const { metadata } = JSON.parse(await Deno.readTextFile(join(folder, "p.json")));
    assert.equal(metadata.requestedReturn, 180.5);
    assert.equal(metadata.command, 0.1 + 0.2);
    assert.deepEqual(metadata.hiddenSizes, RELU.hiddenSizes);
    assert.deepEqual(metadata.measuredReturn.seeds, [1, 2 ** 32 - 1, 3]);
  }));

Deno.test("readPolicyNumbers() takes a skip connection from safetensors and JSON, and refuses it from ONNX", () =>
  withFolder((folder) => {
    const spec = registry.spec("Hopper-v5");
    const numbers = drawPolicy(spec, RELU);
    const label = { ...LABEL, environment: spec.id };
    for (const format of ["safetensors", "json", "onnx"] as const) {
      const path = join(folder, `policy.${format}`);
      writePolicy(path, { numbers, label, format, spec, models });
      if (format === "onnx") {
        assert.throws(() => readPolicyNumbers(path, spec), {
          name: "FileError",
          message: /numbers of a policy with a skip connection must come as safetensors or JSON$/,
        });
        continue;
      }
      const { skip, hiddenSizes, parameters } = readPolicyNumbers(path, spec);
      assert.deepEqual([skip, hiddenSizes], ["linear", RELU.hiddenSizes]);
      assert.deepEqual(parameters, numbers.parameters);
    }
  }));

Deno.test("writePolicy() gives a linear policy no skip connection, whatever its run was asked for", () =>
  withFolder((folder) => {
    const spec = registry.spec("Hopper-v5");
    const numbers = drawPolicy(spec, { hiddenSizes: [], activation: "tanh", skip: "linear" });
    for (const format of POLICY_FORMATS) {
      const path = join(folder, `policy.${format}`);
      writePolicy(path, {
        numbers,
        label: { ...LABEL, environment: spec.id },
        format,
        spec,
        models,
      });
      assert.equal(readPolicy(path, { models }).metadata.skip, "none");
      const read = readPolicyNumbers(path, spec);
      assert.deepEqual([read.hiddenSizes, read.skip], [[], "none"]);
    }
  }));

Deno.test("writePolicy() writes ONNX files whose actions stay within the bounds when saturated", () =>
  withFolder(async (folder) => {
    const path = join(folder, "policy.onnx");
    const spec = registry.spec("Hopper-v5");
    const drawn = drawPolicy(spec, RELU);
    const parameters = drawn.parameters.map((x) => 100 * x) as typeof drawn.parameters;
    writePolicy(path, {
      numbers: { ...drawn, parameters },
      label: { ...LABEL, environment: spec.id },
      format: "onnx",
      spec,
      models,
    });
    const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
    const count = 2000;
    const rng = Rng.fromSeed(1);
    const data = Float32Array.from({ length: count * 11 }, () => rng.standardNormal());
    const { action } = await session.run({ observation: new Tensor("float32", data, [count, 11]) });
    const actions = [...action.data as Float32Array];
    assert.ok(actions.some((one) => one === -1) && actions.some((one) => one === 1), "saturated");
    assert.ok(actions.every((one) => one >= -1 && one <= 1));
    await session.release();
  }));
