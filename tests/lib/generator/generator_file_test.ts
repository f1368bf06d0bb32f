/** Generator files: everything comes back, and nothing damaged is believed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../../lib/system/errors.ts";
import { sealMetadata } from "../../../lib/formats/checksum.ts";
import { joinBytes } from "../../../lib/system/bytes.ts";
import { decodeSafetensors, safetensorsChunks } from "../../../lib/formats/safetensors.ts";
import {
  type GeneratorContent,
  loadGenerator,
  saveGenerator,
  type TrainedGenerator,
} from "../../../lib/generator/generator_file.ts";
import { hashHex } from "../../../lib/system/files.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { tinyConfig } from "../../support/tiny_run.ts";

const CONFIG = tinyConfig();
const SHAPE = models.policyShape(TINY_ENV_SPEC, CONFIG.policy);
const MODEL = models.createGenerator(CONFIG, SHAPE);

const CONTENT: GeneratorContent = {
  config: CONFIG,
  weights: MODEL.initialise(Rng.fromSeed(1)),
  normaliser: { mean: Float64Array.of(0.1), deviation: Float64Array.of(1 / 3) },
  calibration: {
    points: [
      { command: 0, mean: -1.5, std: 0.25, n: 5 },
      { command: 1 / 3, mean: 8, std: 0, n: 5 },
    ],
    bestCommand: 0.3,
    bestReturn: 7.75,
  },
  seenReturns: Float64Array.of(1, 2.5, -3e200),
  provenance: { preset: "test", steps: 600 },
};

function load(path: string): TrainedGenerator {
  return loadGenerator(path, {
    specOf(id) {
      if (id === TINY_ENV_SPEC.id) return TINY_ENV_SPEC;
      throw new RangeError(`Cannot create environment "${id}": unknown id`);
    },
    models,
    session: { threads: 1 },
  });
}

/** Uses a folder with one saved generator. */
function withFile(use: (path: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = makeFastFolder();
    try {
      const path = join(folder, "generator.safetensors");
      saveGenerator(path, { content: CONTENT, model: MODEL });
      await use(path);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

Deno.test(
  "loadGenerator() gives back what saveGenerator() wrote",
  withFile(async (path) => {
    const loaded = load(path);
    for (const key of Object.keys(CONTENT) as (keyof GeneratorContent)[]) {
      assert.deepEqual(structuredClone(loaded[key]), CONTENT[key], key);
    }
    assert.equal(loaded.hash, hashHex(Deno.readFileSync(path)));
    assert.equal(loaded.spec, TINY_ENV_SPEC);
    const rng = Rng.fromSeed(1);
    const [row] = await loaded.pass.run(loaded.values, { commands: [0.5], rng });
    assert.equal(row.length, SHAPE.parameterCount);
    await loaded.pass.close();
  }),
);

Deno.test(
  "saveGenerator() writes the same bytes for the same generator",
  withFile((path) => {
    const bytes = Deno.readFileSync(path);
    saveGenerator(path, { content: CONTENT, model: MODEL });
    assert.deepEqual(Deno.readFileSync(path), bytes);
  }),
);

/** Rewrites the file after a change of its tensors or metadata, with the checksum that it has then. */
function change(
  path: string,
  edit: (
    tensors: Map<string, { data: { [i: number]: number }; shape: readonly number[] }>,
    metadata: Record<string, string>,
  ) => void,
): void {
  const { tensors, metadata } = decodeSafetensors(Deno.readFileSync(path), { name: path });
  const [copies, texts] = [new Map(tensors), { ...metadata }];
  edit(copies as never, texts);
  const sealed = sealMetadata({ tensors: copies, metadata: texts });
  Deno.writeFileSync(path, joinBytes(safetensorsChunks(copies, sealed)));
}

function setMetadata(key: string, value: string) {
  return (path: string) => change(path, (_, metadata) => void (metadata[key] = value));
}

function setNumber(tensor: string, value: number) {
  return (path: string) => change(path, (tensors) => void (tensors.get(tensor)!.data[0] = value));
}

const firstWeight = `weights.${MODEL.weights[0].name}`;

/** What is done to a file, and what the error says after `Cannot read ...`. */
const DAMAGE: Readonly<Record<string, [damage: (path: string) => void, message: RegExp]>> = {
  "a missing file": [(path) => Deno.removeSync(path), /generator "[^"]*": /],
  "an empty file": [(path) => Deno.writeTextFileSync(path, ""), /./],
  "a file that is cut off": [
    (path) => Deno.writeFileSync(path, Deno.readFileSync(path).subarray(0, -5)),
    /./,
  ],
  "text": [(path) => Deno.writeTextFileSync(path, "no generator at all, but text"), /./],
  "another format": [setMetadata("format", "pt"), /format must be "udrlpg-generator", got "pt"$/],
  "another version": [setMetadata("formatVersion", "9"), /format version must be 2, got "9"$/],
  "an unknown environment": [
    (path) =>
      change(path, (_, metadata) => {
        metadata.config = JSON.stringify({ ...CONFIG, env: "Hopping-v5" });
      }),
    /unknown id$/,
  ],
  "an unknown option": [setMetadata("config", '{"speed": 3}'), /unknown option/],
  "a configuration that is no object": [
    setMetadata("config", "[]"),
    /config must be a JSON object/,
  ],
  "a missing best command": [setMetadata("best", "{}"), /the best command must be a number/],
  "a missing weight": [
    (path) => change(path, (tensors) => void tensors.delete(firstWeight)),
    new RegExp(firstWeight),
  ],
  "a weight of another shape": [
    (path) =>
      change(path, (tensors) => {
        tensors.set(firstWeight, tensors.get(`weights.${MODEL.weights[1].name}`)!);
      }),
    new RegExp(firstWeight),
  ],
  "a weight that is no number": [
    setNumber(firstWeight, NaN),
    /must be finite, got NaN in weights\[0\]$/,
  ],
  "an infinite calibration": [
    setNumber("calibration.mean", Infinity),
    /must be finite, got Infinity in calibration.mean\[0\]$/,
  ],
  "a deviation of 0": [setNumber("normaliser.deviation", 0), /must be positive, got 0$/],
};

for (const [name, [damage, message]] of Object.entries(DAMAGE)) {
  Deno.test(
    `loadGenerator() refuses ${name}`,
    withFile((path) => {
      damage(path);
      assert.throws(() => load(path), (error: Error) => {
        assert.ok(error instanceof FileError, `${error}`);
        assert.match(error.message, /^Cannot read /);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path));
        return true;
      });
    }),
  );
}

Deno.test(
  "loadGenerator() refuses every flipped bit and a missing checksum",
  withFile((path) => {
    const bytes = Deno.readFileSync(path);
    for (let bit = 3; bit < bytes.length * 8; bit += 1009) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      Deno.writeFileSync(path, damaged);
      assert.throws(() => load(path), FileError, `bit ${bit}`);
    }
    // A number among the weights, where nothing but the checksum can tell.
    const damaged = bytes.slice();
    damaged[bytes.length - 20] ^= 1;
    Deno.writeFileSync(path, damaged);
    assert.throws(
      () => load(path),
      /^FileError: Cannot read generator ".*": it must match its checksum: it was damaged or/,
    );
    const { tensors, metadata } = decodeSafetensors(bytes, { name: path });
    const { sha256: _, ...rest } = metadata;
    Deno.writeFileSync(path, joinBytes(safetensorsChunks(tensors, rest)));
    assert.throws(() => load(path), /must carry a checksum \(sha256\), got none: an older version/);
  }),
);

Deno.test("saveGenerator() refuses what loadGenerator() would", () => {
  const { calibration, normaliser } = CONTENT;
  const points = calibration.points.map((point) => ({ ...point, std: Infinity }));
  const cases: [Partial<GeneratorContent>, RegExp][] = [
    [{ calibration: { ...calibration, points } }, /got Infinity in calibration.std\[0\]$/],
    [{ calibration: { ...calibration, bestReturn: NaN } }, /got NaN in best\[1\]$/],
    [{ seenReturns: Float64Array.of(Infinity) }, /got Infinity in seen.returns\[0\]$/],
    [
      { normaliser: { ...normaliser, deviation: normaliser.deviation.map(() => 0) } },
      /deviations must be positive, got 0$/,
    ],
  ];
  for (const [change, message] of cases) {
    const content = { ...CONTENT, ...change };
    assert.throws(
      () => saveGenerator("/nonexistent-folder/a", { content, model: MODEL }),
      { name: "DivergedError", message },
    );
  }
});

Deno.test("saveGenerator() refuses a folder that is not there", () => {
  const path = join("/nonexistent-folder", "generator.safetensors");
  assert.throws(() => saveGenerator(path, { content: CONTENT, model: MODEL }), FileError);
});
