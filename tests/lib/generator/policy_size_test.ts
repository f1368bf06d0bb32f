/** Files that ask for huge networks are refused before anything of that size is made. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { registry } from "../../../envs/registry.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { loadGenerator, saveGenerator } from "../../../lib/generator/generator_file.ts";
import type { ModelTable } from "../../../lib/model.ts";
import { readPolicy } from "../../../lib/generator/read_policy.ts";
import {
  countPolicyParameters,
  MAX_LAYERS,
  MAX_POLICY_PARAMETERS,
} from "../../../lib/generator/policy_size.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";
import { tanhNetwork } from "../../support/tanh_network.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { tinyConfig } from "../../support/tiny_run.ts";
import { sealedJson } from "../../support/seal.ts";

/** Fails the test when a network is made after all. */
const NO_MODELS = new Proxy(models, {
  get(_, name) {
    throw new Error(`${String(name)}() was called`);
  },
}) as ModelTable;

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = makeFastFolder();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("countPolicyParameters() counts as the model does, and refuses what is too large", () => {
  const spec = registry.spec("Hopper-v5");
  for (const hiddenSizes of [[], [8], [256, 256]]) {
    assert.equal(
      countPolicyParameters(spec, hiddenSizes),
      models.policyShape(spec, tanhNetwork(hiddenSizes)).parameterCount,
    );
  }
  assert.throws(() => countPolicyParameters(spec, [65536, 65536]), {
    name: "RangeError",
    message:
      `Cannot make policy: policy.hiddenSizes must give at most ${MAX_POLICY_PARAMETERS} parameters, got 4296015875`,
  });
  assert.throws(() => countPolicyParameters(spec, new Array(MAX_LAYERS + 1).fill(1)), {
    name: "RangeError",
    message: "Cannot make policy: it must have at most 64 hidden layers, got 65",
  });
});

Deno.test("loadGenerator() refuses a configuration with huge networks before building them", () =>
  withFolder((folder) => {
    const config = tinyConfig();
    const shape = models.policyShape(TINY_ENV_SPEC, config.policy);
    const model = models.createGenerator(config, shape);
    const content = {
      weights: model.initialise(Rng.fromSeed(1)),
      normaliser: { mean: Float64Array.of(0), deviation: Float64Array.of(1) },
      calibration: { points: [], bestCommand: 0, bestReturn: 0 },
      seenReturns: new Float64Array(),
      provenance: {},
    };
    const path = join(folder, "generator.safetensors");
    const layers = new Array(65).fill(1);
    const cases: [config: ReturnType<typeof tinyConfig>, rule: RegExp][] = [
      [tinyConfig({ policy: { hiddenSizes: [65536, 65536] } }), /at most 8388608 parameters/],
      [tinyConfig({ policy: { hiddenSizes: layers } }), /at most 64 hidden layers, got 65/],
      [tinyConfig({ generator: { hiddenSizes: layers } }), /Cannot make generator: .* at most 64/],
    ];
    for (const [hostile, rule] of cases) {
      saveGenerator(path, { content: { ...content, config: hostile }, model });
      const options = { specOf: () => TINY_ENV_SPEC, models: NO_MODELS, session: {} };
      assert.throws(() => loadGenerator(path, options), (error: Error) => {
        assert.ok(error instanceof FileError, `${error.stack}`);
        assert.match(error.message, rule);
        return true;
      });
    }
    // The widths fit, but the file does not hold the weights: nothing of their size is made.
    const wide = tinyConfig({ generator: { hiddenSizes: [65536, 65536] } });
    saveGenerator(path, { content: { ...content, config: wide }, model });
    const options = { specOf: () => TINY_ENV_SPEC, models, session: {} };
    assert.throws(() => loadGenerator(path, options), FileError);
  }));

Deno.test("readPolicy() refuses huge widths and metadata that is not text", () =>
  withFolder(async (folder) => {
    const path = join(folder, "policy.json");
    const metadata: Record<string, unknown> = {
      format: "udrlpg-policy",
      environment: "CartPole-v1",
      hiddenSizes: "[65536,65536]",
      activation: "tanh",
      skip: "none",
    };
    const write = () =>
      Deno.writeTextFileSync(
        path,
        sealedJson({ metadata, normaliser: { mean: [], deviation: [] }, parameters: [] }),
      );
    write();
    const policy = readPolicy(path, { models: NO_MODELS });
    await assert.rejects(
      async () => await policy.open(registry.spec("CartPole-v1")),
      (error: Error) => {
        assert.ok(error instanceof FileError);
        assert.match(error.message, /at most 8388608 parameters, got \d+, in policy ".*"$/);
        return true;
      },
    );
    for (const value of [1, null, {}, [], { toString: 1 }]) {
      metadata.note = value;
      write();
      assert.throws(() => readPolicy(path, { models }), {
        name: "FileError",
        message: `Cannot read policy "${path}": metadata "note" must be text`,
      });
    }
  }));
