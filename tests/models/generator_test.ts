/** The tiled generator against its textbook form, and its sizes against the reference's. */

import assert from "node:assert/strict";
import { interpret } from "../../lib/autodiff/interpret.ts";
import type { Config } from "../../lib/config/config.ts";
import { countWeights, nameWeights } from "../../lib/learner/generation_pass.ts";
import type { Skip } from "../../lib/kernels/policy_kernel.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { traceGeneration } from "../../lib/learner/update_graph.ts";
import { createTiledGenerator } from "../../models/generator.ts";
import { models } from "../../models/models.ts";
import { assertAllClose } from "../support/close.ts";
import { shapeOf, tinyConfig } from "../support/tiny_run.ts";
import { generateTextbook } from "./textbook_generator.ts";

interface Case {
  readonly sizes: readonly number[];
  readonly generator: Partial<Config["generator"]>;
  readonly latentSize?: number;
  readonly skip?: Skip;
}

const CASES: Readonly<Record<string, Case>> = {
  "two hidden layers": { sizes: [4, 32, 32, 1], generator: { tileSize: 32 } },
  "one hidden layer of one tile": { sizes: [3, 16, 2], generator: { tileSize: 16 } },
  "a linear policy": { sizes: [5, 2], generator: { tileSize: 8 } },
  "hidden layers of several shapes": { sizes: [4, 24, 8, 16, 2], generator: { tileSize: 8 } },
  "one generator layer": { sizes: [2, 8, 8, 1], generator: { tileSize: 4, hiddenSizes: [10] } },
  "three generator layers": {
    sizes: [2, 8, 1],
    generator: { tileSize: 4, hiddenSizes: [9, 7, 5] },
  },
  "an encoded command": {
    sizes: [3, 8, 2],
    generator: { tileSize: 4, commandEncoding: "fourier" },
  },
  "a skip connection": { sizes: [3, 8, 16, 2], generator: { tileSize: 8 }, skip: "linear" },
  "a latent": { sizes: [3, 8, 8, 2], generator: { tileSize: 4 }, latentSize: 5 },
};

const COMMANDS = [0, 0.35, 1.2];

for (const [name, { sizes, generator, latentSize = 0, skip = "none" }] of Object.entries(CASES)) {
  Deno.test(`createTiledGenerator() equals its textbook form with ${name}`, () => {
    const config = { ...tinyConfig().generator, hiddenSizes: [12, 10], ...generator };
    const model = createTiledGenerator({ config, shape: shapeOf(sizes, skip), latentSize });
    const rng = Rng.fromSeed(11);
    const flat = new Float32Array(countWeights(model.weights));
    rng.fillUniform(flat, -0.5, 0.5);
    const weights = nameWeights(model.weights, { flat, prefix: "weights" });
    const conditions = COMMANDS.map((command) => {
      const encoded = new Float32Array(model.commandSize);
      model.encodeCommand(command, encoded);
      const latent = new Float32Array(latentSize);
      rng.fillStandardNormal(latent);
      return { encoded, latent };
    });
    const rows = (values: Float32Array[]) => ({
      data: values.flatMap((value) => [...value]),
      shape: [values.length, values[0].length],
    });
    const inputs = {
      ...weights,
      commands: rows(conditions.map(({ encoded }) => encoded)),
      ...(latentSize > 0 ? { latents: rows(conditions.map(({ latent }) => latent)) } : {}),
    };
    const { policies } = interpret(traceGeneration(model), inputs, { dtype: "float64" });
    const count = model.parameterCount;
    conditions.forEach(({ encoded, latent }, row) => {
      const expected = generateTextbook({
        weights,
        sizes,
        tileSize: config.tileSize,
        isSkipping: skip === "linear",
        depth: config.hiddenSizes.length,
        condition: [...encoded, ...latent],
      });
      const theta = new Float64Array(count);
      model.order.forEach((place, i) => theta[place] = Number(policies.data[row * count + i]));
      assertAllClose(theta, expected, { tolerance: 1e-12 });
    });
    assert.notDeepEqual(
      policies.data.slice(0, count),
      policies.data.slice(count, 2 * count),
      "the command matters",
    );
  });
}

Deno.test("createTiledGenerator() has the weights of the reference configuration", () => {
  const config = { ...tinyConfig().generator, tileSize: 32, hiddenSizes: [512, 512] };
  // Two networks of a kind: (32 + 1 inputs + 1) * 512 + 513 * 512 + 513 * outputs.
  const trunks = 2 * (34 * 512 + 513 * 512);
  const kind = (tiles: number, weightOutputs: number, biasOutputs: number) =>
    tiles * 32 + trunks + 513 * (weightOutputs + biasOutputs);
  const total = (S: number, A: number) =>
    kind(8, 32 * S, 32) + kind(64, 32 * 32, 32) + kind(8, 32 * A, A);
  const millions: [name: string, S: number, A: number, millions: string][] = [
    ["InvertedPendulum", 4, 1, "2.32"],
    ["Swimmer", 8, 2, "2.41"],
    ["Hopper", 11, 3, "2.47"],
    ["HalfCheetah", 17, 6, "2.62"],
  ];
  for (const [name, S, A, expected] of millions) {
    const shape = shapeOf([S, 256, 256, A]);
    const { weights } = createTiledGenerator({ config, shape, latentSize: 0 });
    const count = countWeights(weights);
    assert.equal(count, total(S, A), name);
    assert.equal((count / 1e6).toFixed(2), expected, name);
    assert.ok(shape.parameterCount >= 67_000 && shape.parameterCount <= 72_000);
    assert.equal(new Set(weights.map((weight) => weight.name)).size, weights.length);
  }
});

Deno.test("createTiledGenerator() rejects a generator without layers", () => {
  const config = { ...tinyConfig().generator, hiddenSizes: [] };
  assert.throws(() => createTiledGenerator({ config, shape: shapeOf([1, 4, 1]), latentSize: 0 }), {
    name: "RangeError",
    message: "Cannot create generator: generator.hiddenSizes must name at least one width, got []",
  });
});

Deno.test("createGenerator() rejects more weights than a file may hold", () => {
  const config = tinyConfig({ generator: { hiddenSizes: [4200, 4200] } });
  assert.throws(() => models.createGenerator(config, shapeOf([3, 1])), {
    name: "RangeError",
    message:
      /^Cannot create generator: it must have at most 16777216 weights, got \d{8}: make generator.h/,
  });
});
