/** What holds for every algorithm of the table. */

import assert from "node:assert/strict";
import { ALGORITHM_NAMES, SECTION_NEEDS } from "../../../lib/config/options.ts";
import { resolveConfig } from "../../../lib/config/config.ts";
import { loadGenerator } from "../../../lib/generator/generator_file.ts";
import { algorithmLayer, ALGORITHMS } from "../../../lib/rivals/algorithms.ts";
import { models } from "../../../models/models.ts";
import { verifyRun } from "../../../lib/run/verify.ts";
import { hashRun, tinyRegistry, trainTiny, withFolder } from "../../support/run_folder.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

const RIVALS = ALGORITHM_NAMES.filter((name) => name !== "udrlpg");

/** Budgets that show every phase and take seconds. */
const STEPS = { ars: 400, ddpg: 200, td3: 200, udrl: 1000, gogepo: 60 } as const;

function configOf(algorithm: (typeof ALGORITHM_NAMES)[number], steps = 600) {
  const linear = ALGORITHMS[algorithm].options.policy?.hiddenSizes?.length === 0;
  return tinyConfig({ algorithm, steps, policy: { hiddenSizes: linear ? [] : [16] } });
}

Deno.test("the table says of every algorithm what its network answers", () => {
  for (const name of ALGORITHM_NAMES) {
    const config = configOf(name);
    const shape = shapeOf([1, ...config.policy.hiddenSizes, 1]);
    assert.equal(models.createGenerator(config, shape).answers, ALGORITHMS[name].answers, name);
  }
});

Deno.test("what answers one return alone has no options of the calibration", () => {
  const any = ALGORITHM_NAMES.filter((name) => ALGORITHMS[name].answers === "any");
  assert.deepEqual(SECTION_NEEDS.calibration, { option: "algorithm", is: any });
});

for (const name of RIVALS) {
  Deno.test(`${name} ends with the same bytes wherever it was stopped`, async () => {
    const config = configOf(name, STEPS[name]);
    await withFolder(async (whole) => {
      const { cycles } = await trainTiny(config, whole);
      await withFolder(async (folder) => {
        await trainTiny(config, folder, { stopAfter: 2 });
        await trainTiny(config, folder, { stopAfter: 1, resume: true });
        await trainTiny(config, folder, { stopAfter: cycles - 3, resume: true });
        const { result } = await trainTiny(config, folder, { resume: true });
        assert.ok(result.finished);
        assert.deepEqual(hashRun(folder), hashRun(whole));
      });
    });
  });

  Deno.test(`${name} spends no more than its budget, and leaves a file that answers`, async () => {
    const config = configOf(name, STEPS[name]);
    await withFolder(async (folder) => {
      const { result } = await trainTiny(config, folder);
      assert.equal(result.algorithm, name);
      const replay = { registry: tinyRegistry(), models, session: { threads: 1 }, cycles: 2 };
      const { matches, hashes } = await verifyRun(folder, replay);
      assert.ok(matches && hashes > 0);
      const share = result.steps / config.steps;
      assert.ok(share <= 1 && share > 0.8, `${result.steps} steps`);
      const { calibration, model, pass } = loadGenerator(`${folder}/generator.safetensors`, {
        specOf: () => TINY_ENV_SPEC,
        models,
        session: { threads: 1 },
      });
      await pass.close();
      assert.equal(calibration.bestReturn, result.finalReturn!.mean);
      assert.equal(model.answers, ALGORITHMS[name].answers);
      if (model.answers === "one") assert.equal(calibration.points.length, 1);
    });
  });
}

Deno.test("algorithmLayer() lies between a preset and what is given", () => {
  const given = { source: "--set", values: new Map([["algorithm", "ars"]]) };
  const preset = {
    source: "preset",
    values: new Map<string, unknown>([["policy.hiddenSizes", [256]], ["update.perCycle", 8]]),
  };
  const resolve = (own: Parameters<typeof resolveConfig>[0]) =>
    resolveConfig([preset, algorithmLayer(own), ...own]).config;
  assert.deepEqual(resolve([given]).policy.hiddenSizes, []);
  // What the algorithm does not use has its default.
  assert.equal(resolve([given]).update.perCycle, 64);
  const wide = { source: "--set", values: new Map([["policy.hiddenSizes", [8]]]) };
  assert.deepEqual(resolve([given, wide]).policy.hiddenSizes, [8]);
  assert.equal(resolve([]).update.perCycle, 8);
  const useless = { source: "--set", values: new Map([["update.perCycle", 8]]) };
  assert.throws(() => resolve([given, useless]), {
    message: 'Cannot set option "update.perCycle" from --set: it counts only with ' +
      'algorithm = "udrlpg", got "ars": ars has policy.hiddenSizes, reports.evaluations, ' +
      "reports.sweeps",
  });
});
