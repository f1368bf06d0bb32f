/**
 * Every reader of files that others may have written. To add one: a name, a function that imports what
 * it needs (so that no other reader's memory counts) and gives good inputs and the call to make. Write
 * the good inputs with the program's own writer, and give more than one, so that pieces can be swapped.
 */

import { join } from "node:path";
import { FileError } from "../../lib/system/errors.ts";
import type { FuzzTarget } from "./fuzz_reader.ts";
import type { PolicyParameters, RawParameters } from "../../lib/policy_space.ts";

/** The readers by name; each gets an empty folder of its own. */
export const READERS: Readonly<Record<string, (folder: string) => Promise<FuzzTarget>>> = {
  async safetensors() {
    const { decodeSafetensors } = await import("../../lib/formats/safetensors.ts");
    return {
      good: await safetensorsFiles(),
      read: (bytes) => decodeSafetensors(bytes, { name: "x" }),
    };
  },

  async onnx() {
    const { readOnnx, assertTrustedOps } = await import("../../lib/onnx/reader.ts");
    const { encodeModel } = await import("../../lib/onnx/writer.ts");
    const model = {
      irVersion: 10,
      opset: 21,
      producer: "test",
      graphName: "policy",
      docString: "",
      metadata: { environment: "Hopper-v5", command: "0.5" },
      nodes: ["Gemm", "Tanh"].map((opType) => ({
        opType,
        name: opType,
        inputs: ["observation", "w"],
        outputs: ["action"],
        attributes: { transB: 1, axes: [1, 2], alpha: { float: 0.5 }, mode: "a" },
      })),
      initializers: [{ name: "w", type: "float32", shape: [2, 3], bytes: new Uint8Array(24) }],
      inputs: [{ name: "observation", type: "float32", shape: ["N", 3] }],
      outputs: [{ name: "action", type: "float32", shape: ["N", 2] }],
    } as const;
    const good = [encodeModel(model), encodeModel({ ...model, metadata: {}, initializers: [] })];
    const allowed = new Set(["Gemm", "Tanh"]);
    return { good, read: (bytes) => assertTrustedOps(readOnnx(bytes, { name: "x" }), allowed) };
  },

  async json() {
    const { parseJsonLimited } = await import("../../lib/formats/json.ts");
    const good = ['{"a": [1, -2.5e3, "x\\u00e9\\n"], "b": {"c": null}}', "[true, false, []]"];
    return { good: encodeAll(good), read: (bytes) => parseJsonLimited(bytes, { name: "x" }) };
  },

  async "policy json"(folder) {
    const { sealedJson } = await import("../support/seal.ts");
    const seal = (bytes: Uint8Array) =>
      encode(sealedJson(JSON.parse(new TextDecoder().decode(bytes))));
    return await policyTarget(folder, { format: "json", seal });
  },

  async "policy safetensors"(folder) {
    return await policyTarget(folder, { format: "safetensors", seal: await safetensorsSeal() });
  },

  async "policy onnx"(folder) {
    const { sealOnnx } = await import("../../lib/formats/checksum.ts");
    const target = await policyTarget(folder, { format: "onnx", seal: sealOnnx });
    const sealBytes = sealOnnx(new Uint8Array(0)).length;
    return { ...target, good: target.good.map((bytes) => bytes.subarray(0, -sealBytes)) };
  },

  async "policy C header"(folder) {
    const { readCHeader } = await import("../../lib/generator/c_header.ts");
    const { sealedHeader } = await import("../support/seal.ts");
    const { good } = await policyTarget(folder, { format: "c", seal: (bytes) => bytes });
    return {
      good,
      read: (bytes) => void readCHeader(sealedHeader(bytes), { name: "x" }),
    };
  },

  async generator(folder) {
    const { path, read } = await generatorFile(folder);
    const seal = await safetensorsSeal();
    return {
      good: [Deno.readFileSync(path)],
      read(bytes) {
        Deno.writeFileSync(path, sealedOr(bytes, seal));
        read();
      },
    };
  },

  async start(folder) {
    const { readStart, sealStart } = await import("../../lib/run/start_file.ts");
    const policies = ["a", "b"].map((name) => ({
      name,
      parameters: Float32Array.of(0.5, -1, 2) as Float32Array as RawParameters,
    }));
    const good = (["training", "archive"] as const).map((use) =>
      sealStart({ policies, use, order: "given" }, { environment: "CartPole-v1" }).bytes
    );
    const seal = await safetensorsSeal();
    const path = join(folder, "start.safetensors");
    return {
      good,
      read(bytes) {
        Deno.writeFileSync(path, sealedOr(bytes, seal));
        readStart(path);
      },
    };
  },

  async perceptron() {
    const { readOnnxMlp } = await import("../../lib/onnx/mlp.ts");
    const folder = new URL("../golden/sb3/", import.meta.url);
    const good = ["ppo_choices.onnx", "ppo_numbers.onnx", "sac_actor.onnx", "dqn_values.onnx"]
      .map((name) => Deno.readFileSync(new URL(name, folder)));
    return { good, read: (bytes) => void readOnnxMlp(bytes, { name: "x", width: 2 }) };
  },

  async "sweep file"(folder) {
    const { readSweepFile } = await import("../../lib/sweep/sweep_file.ts");
    const good = [
      'name = "rates"\nenv = "CartPole-v1"\nseeds = 3\n[grid]\nsteps = [100, 200]\n',
      'env = "CartPole-v1"\n[random]\ndraws = 2\nupdate.learningRate = { min = 1e-4, max = 1e-2 }\n',
    ];
    return {
      good: encodeAll(good),
      read: throughFile(join(folder, "x.toml"), readSweepFile),
    };
  },

  async "environment answers"() {
    const protocol = await import("../../lib/episodes/process/env_protocol.ts");
    const good = [
      '{"id":"A-v0","observationSpace":{"low":[null,0],"high":[null,1]},"actionSpace":{"n":2},' +
      '"maxEpisodeSteps":9}',
      '{"observation":[1,-2.5]}',
      '{"observation":[1,2],"reward":1,"terminated":false,"truncated":true}',
    ];
    return {
      good: encodeAll(good),
      read(bytes) {
        let isRead = false;
        for (const read of ANSWER_READERS) {
          try {
            const fields = protocol.parseAnswer(new TextDecoder().decode(bytes).split("\n")[0]);
            read(protocol, fields);
            isRead = true;
          } catch (error) {
            if (!(error instanceof protocol.ProtocolError)) throw error;
          }
        }
        if (!isRead) throw new FileError("Cannot read answer: it is none");
      },
    };
  },

  async "run folder"(folder) {
    const { readRunData } = await import("../../lib/report/run_data.ts");
    const { timesOf } = await import("../../lib/report/run_times.ts");
    const { SMALL_RUN, writeRunFolder } = await import("../support/run_records.ts");
    const { TfeventsWriter } = await import("../../lib/formats/tfevents.ts");
    await writeRunFolder(folder, { records: SMALL_RUN });
    const events = "events.out.tfevents.1.udrlpg";
    {
      using writer = TfeventsWriter.open(join(folder, events), { wallTimeSeconds: 1 });
      writer.write({ "seconds/updates": 1.5 }, { step: 20, wallTimeSeconds: 2 });
    }
    const names = ["config.toml", "metrics.jsonl", events];
    const files = new Map(names.map((name) => [name, Deno.readFileSync(join(folder, name))]));
    const good = [...files.values()];
    return {
      good,
      // The bytes stand for the file that begins most alike.
      read(bytes) {
        const likeness = names.map((name) => {
          const file = files.get(name)!;
          return bytes.subarray(0, 16).filter((byte, i) => byte === file[i]).length;
        });
        const name = names[likeness.indexOf(Math.max(...likeness))];
        Deno.writeFileSync(join(folder, name), bytes);
        try {
          readRunData(folder);
          timesOf(folder);
        } finally {
          Deno.writeFileSync(join(folder, name), files.get(name)!);
        }
      },
    };
  },

  async "generator configuration"(folder) {
    const { decodeSafetensors, encodeSafetensors } = await import(
      "../../lib/formats/safetensors.ts"
    );
    const { sealMetadata } = await import("../../lib/formats/checksum.ts");
    const { path, read } = await generatorFile(folder);
    const { tensors, metadata } = decodeSafetensors(Deno.readFileSync(path), { name: "x" });
    return {
      good: encodeAll([metadata.config]),
      // Put back into a whole file, or few would come further than the header's length.
      read(bytes) {
        const config = new TextDecoder().decode(bytes);
        const sealed = sealMetadata({ tensors, metadata: { ...metadata, config } });
        Deno.writeFileSync(path, encodeSafetensors(tensors, sealed));
        read();
      },
    };
  },

  async "action list"() {
    const { parseActionList } = await import("../../lib/episodes/replay.ts");
    const { registry } = await import("../../envs/registry.ts");
    const hopper = registry.spec("Hopper-v5");
    return {
      good: encodeAll(["[[0.1, -1, 1], [0, 0.5, 1e-3]]", "[]", "[[1, 2, 3]]"]),
      read: (bytes) => parseActionList(new TextDecoder().decode(bytes), hopper, { name: "x" }),
    };
  },

  async config(folder) {
    const { readConfigFile, renderConfig } = await import("../../lib/config/config_file.ts");
    const { resolveConfig } = await import("../../lib/config/config.ts");
    const whole = renderConfig(resolveConfig([]).config);
    const good = [whole, "[update]\nbatchSize = 8\n", 'preset = "paper"\nthreads = 2\n'];
    return {
      good: encodeAll(good),
      read: throughFile(join(folder, "x.toml"), readConfigFile),
    };
  },

  async metrics(folder) {
    const { MetricsWriter } = await import("../../lib/run/metrics.ts");
    const { readMetrics } = await import("../../lib/run/metrics_reader.ts");
    const path = join(folder, "metrics.jsonl");
    {
      using writer = MetricsWriter.open(path);
      writer.write({ kind: "episode", step: 10, return: 1.5 });
      writer.write({ kind: "curve", step: 20, points: [{ requested: 1, mean: -2 }] });
    }
    const good = [Deno.readFileSync(path), encode('{"kind":"a","step":1}\n')];
    return {
      good,
      read(bytes) {
        Deno.writeFileSync(path, bytes);
        readMetrics(path);
        MetricsWriter.open(path, { resumeAtByte: Math.floor(bytes.length / 2) }).close();
      },
    };
  },

  async "event file"(folder) {
    const { decodeTfevents, encodeRecord, TfeventsWriter } = await import(
      "../../lib/formats/tfevents.ts"
    );
    const path = join(folder, "events");
    {
      using writer = TfeventsWriter.open(path, { wallTimeSeconds: 1 });
      writer.write({ "episode/return": 1.5, loss: -2 }, { step: 2 ** 40, wallTimeSeconds: 0.5 });
    }
    const file = Deno.readFileSync(path);
    const first = 12 + file[0] + 4;
    return {
      good: [file.slice(12, first - 4), file.slice(first + 12, -4)],
      // Framed again, with checksums that fit, or none would come further than those.
      read(bytes) {
        try {
          decodeTfevents(bytes, { name: "x" });
        } catch (error) {
          if (!(error instanceof FileError)) throw error;
        }
        decodeTfevents(encodeRecord(bytes), { name: "x" });
      },
    };
  },

  async "checkpoint manifest"() {
    const { decodeManifest, encodeManifest } = await import("../../lib/run/checkpoint/manifest.ts");
    const { hashHex } = await import("../../lib/system/files.ts");
    const part = { file: "000007-weights.safetensors", bytes: 100, sha256: "0".repeat(64) };
    const manifest = {
      sequence: 7,
      parts: new Map([["weights", part]]),
      rows: {
        index: { ...part, file: "000007-rows.safetensors" },
        file: "rows-000001.bin",
        fileRows: 5,
        rowLength: 8,
      },
      meta: { step: 12, list: [1, "a", null] },
    };
    const bodyOf = (text: string) => encode(text.split("\n")[0]);
    return {
      good: [
        bodyOf(encodeManifest(manifest)),
        bodyOf(encodeManifest({ ...manifest, rows: null, parts: new Map() })),
      ],
      // Sealed again, or none would come further than the seal.
      read(bytes) {
        const seal = encode(`\n${hashHex(bytes)}\n`);
        const sealed = new Uint8Array(bytes.length + seal.length);
        sealed.set(bytes);
        sealed.set(seal, bytes.length);
        decodeManifest(sealed, { name: "x" });
      },
    };
  },

  async "checkpoint rows"() {
    const { decodeRowIndex, encodeRowIndex } = await import("../../lib/run/checkpoint/manifest.ts");
    const { decodeSafetensors, encodeSafetensors } = await import(
      "../../lib/formats/safetensors.ts"
    );
    const rows = {
      index: { file: "000007-rows.safetensors", bytes: 1, sha256: "" },
      file: "rows-000001.bin",
      fileRows: 5,
      rowLength: 8,
    };
    const index = {
      ...rows,
      ids: Float64Array.of(1, 2, 30),
      positions: Uint32Array.of(0, 1, 4),
      hashes: new Uint8Array(48),
    };
    return {
      good: [encodeSafetensors(encodeRowIndex(index))],
      read: (bytes) => decodeRowIndex(decodeSafetensors(bytes, { name: "x" }), { name: "x", rows }),
    };
  },

  async "checkpoint folder"(folder) {
    const { CheckpointStore } = await import("../../lib/run/checkpoint/store.ts");
    const { loadCheckpoint } = await import("../../lib/run/checkpoint/reader.ts");
    const { contentOf } = await import("../support/checkpoint_state.ts");
    {
      const store = CheckpointStore.open(folder);
      store.save(contentOf(1));
    }
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    const whole = new Map(names.map((name) => [name, Deno.readFileSync(join(folder, name))]));
    return {
      good: [...whole.values()],
      // Which file is replaced is drawn from the bytes themselves.
      read(bytes) {
        const name = names[bytes.reduce((sum, byte) => sum + byte, 0) % names.length];
        if ([...whole.values()].some((file) => isSame(file, bytes))) return;
        Deno.writeFileSync(join(folder, name), bytes);
        try {
          loadCheckpoint(folder);
        } finally {
          Deno.writeFileSync(join(folder, name), whole.get(name)!);
        }
      },
    };
  },
};

/** Reads bytes out of a file, as the program does, so that the limits of files count. */
function throughFile(path: string, read: (path: string) => unknown): (bytes: Uint8Array) => void {
  return (bytes) => {
    Deno.writeFileSync(path, bytes);
    read(path);
  };
}

async function safetensorsFiles(): Promise<Uint8Array[]> {
  const { encodeSafetensors } = await import("../../lib/formats/safetensors.ts");
  const w = { dtype: "F32", shape: [2, 3], data: new Float32Array(6) } as const;
  const n = { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, -1n) } as const;
  const b = { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) } as const;
  return [
    encodeSafetensors(new Map<string, typeof w | typeof b>([["w", w], ["b", b]]), {
      env: "Hopper-v5",
    }),
    encodeSafetensors(new Map([["n", n]])),
  ];
}

async function generatorFile(folder: string): Promise<{ path: string; read(): void }> {
  const { loadGenerator, saveGenerator } = await import("../../lib/generator/generator_file.ts");
  const { resolveConfig } = await import("../../lib/config/config.ts");
  const { Rng } = await import("../../lib/numbers/rng.ts");
  const { models } = await import("../../models/models.ts");
  const { registry } = await import("../../envs/registry.ts");
  const values = new Map<string, unknown>([
    ["env", "CartPole-v1"],
    ["policy.hiddenSizes", [2]],
    ["generator.tileSize", 2],
    ["generator.hiddenSizes", [2]],
  ]);
  const { config } = resolveConfig([{ source: "test", values }]);
  const spec = registry.spec(config.env);
  const model = models.createGenerator(config, models.policyShape(spec, config.policy));
  const path = join(folder, "generator.safetensors");
  const content = {
    config,
    weights: model.initialise(Rng.fromSeed(1)),
    normaliser: { mean: new Float64Array(4), deviation: new Float64Array(4).fill(1) },
    calibration: {
      points: [{ command: 0, mean: 1, std: 0, n: 5 }, { command: 1, mean: 5, std: 1, n: 5 }],
      bestCommand: 1,
      bestReturn: 5,
    },
    seenReturns: Float64Array.of(1, 2, 5),
    provenance: { steps: 100, episodes: 3 },
  };
  saveGenerator(path, { content, model });
  const session = { device: "cpu", threads: 1 } as const;
  const options = { specOf: registry.spec, models, session };
  return { path, read: () => void loadGenerator(path, options) };
}

/** Gives a file the checksum that it should have, if it is one at all. */
type Seal = (bytes: Uint8Array) => Uint8Array;

/** Seals again, or few inputs would come further than the checksum. */
function sealedOr(bytes: Uint8Array, seal: Seal): Uint8Array {
  try {
    return seal(bytes);
  } catch {
    return bytes;
  }
}

async function safetensorsSeal(): Promise<Seal> {
  const { sealMetadata } = await import("../../lib/formats/checksum.ts");
  const { decodeSafetensors, encodeSafetensors } = await import("../../lib/formats/safetensors.ts");
  return (bytes) => {
    const file = decodeSafetensors(bytes, { name: "x" });
    return encodeSafetensors(file.tensors, sealMetadata(file));
  };
}

async function policyTarget(
  folder: string,
  { format, seal }: { readonly format: "json" | "safetensors" | "onnx" | "c"; readonly seal: Seal },
): Promise<FuzzTarget> {
  const { readPolicy } = await import("../../lib/generator/read_policy.ts");
  const { writePolicy, WRITTEN_ENDINGS } = await import(
    "../../lib/generator/policy_file.ts"
  );
  const { models } = await import("../../models/models.ts");
  const { registry } = await import("../../envs/registry.ts");
  const spec = registry.spec("CartPole-v1");
  const path = join(folder, `policy${WRITTEN_ENDINGS[format]}`);
  const good = [[2], [3, 2]].map((hiddenSizes) => {
    const network = { hiddenSizes, activation: "tanh", skip: "none" } as const;
    const size = models.policyShape(spec, network).parameterCount;
    writePolicy(path, {
      format,
      spec,
      models,
      numbers: {
        ...network,
        parameters: Float32Array.from({ length: size }, (_, i) => i / 8) as PolicyParameters,
        normaliser: { mean: new Float64Array(4), deviation: new Float64Array(4).fill(1) },
      },
      label: {
        environment: "CartPole-v1",
        requestedReturn: 500,
        command: 1,
        measuredReturn: null,
        generator: "0".repeat(64),
      },
    });
    return Deno.readFileSync(path);
  });
  const [observation, action] = [new Float64Array(4), new Float64Array(1)];
  return {
    good,
    async read(bytes) {
      Deno.writeFileSync(path, sealedOr(bytes, seal));
      const policy = await readPolicy(path, { models }).open(spec);
      await policy.act(observation, action);
    },
  };
}

type Protocol = typeof import("../../lib/episodes/process/env_protocol.ts");

const ANSWER_READERS: readonly ((protocol: Protocol, fields: Record<string, unknown>) => void)[] = [
  (protocol, fields) => void protocol.readDescription(fields, "x"),
  (protocol, fields) => protocol.readObservation(fields, new Float64Array(2)),
  (protocol, fields) => void protocol.readOutcome(fields),
];

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function encodeAll(texts: readonly string[]): Uint8Array[] {
  return texts.map(encode);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
