/** The file of what a run begins with: read back as it was, and no other taken for it; a run resumes and repeats by it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Start } from "../../../lib/algorithm/given.ts";
import type { RawParameters } from "../../../lib/policy_space.ts";
import { readStart, sealStart, startIn, writeStart } from "../../../lib/run/start_file.ts";
import { verifyRun } from "../../../lib/run/verify.ts";
import { models } from "../../../models/models.ts";
import { hashRun, tinyRegistry, trainTiny, withFolder } from "../../support/run_folder.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";
import { ADAPTED, tinyConfig } from "../../support/tiny_run.ts";

/** Policies of the tiny environment's linear network; the numbers do not matter. */
function startOf(use: Start["use"]): Start {
  const { parameterCount } = models.policyShape(TINY_ENV_SPEC, {
    hiddenSizes: [],
    activation: "tanh",
    skip: "none",
  });
  const policies = [-0.5, 0.3, 0.8].map((value, i) => ({
    name: `p${i}`,
    parameters: new Float32Array(parameterCount).fill(value) as Float32Array as RawParameters,
  }));
  return { policies, use, order: use === "archive" ? "given" : "byReturn" };
}

const ABOUT = { environment: TINY_ENV_SPEC.id };

Deno.test("readStart() gives back what was written, and refuses what was changed", () =>
  withFolder((folder) => {
    const path = join(folder, "start.safetensors");
    const sealed = sealStart(startOf("training"), ABOUT);
    writeStart(path, sealed);
    const read = readStart(path);
    assert.deepEqual({ ...read, bytes: 0 }, { ...sealed, bytes: 0 });
    assert.deepEqual(startIn(folder, { start: sealed.hash })?.hash, sealed.hash);
    assert.equal(startIn(folder, { start: "" }), undefined);
    assert.throws(
      () => startIn(folder, { start: "0".repeat(64) }),
      /^FileError: Cannot read start .*: it must be the one that the configuration names, 0+, got [0-9a-f]{64}$/,
    );
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
    assert.throws(() => readStart(path), /^FileError: .*must match its checksum/);
    Deno.writeFileSync(path, bytes.subarray(0, 20));
    assert.throws(() => readStart(path), /^FileError/);
    return Promise.resolve();
  }));

for (const use of ["training", "archive"] as const) {
  Deno.test(`a run that begins with policies, as ${use}, resumes to the same bytes and is verified`, async () => {
    const start = sealStart(startOf(use), ABOUT);
    const changes = { ...ADAPTED, policy: { hiddenSizes: [] }, steps: 1200, start: start.hash };
    const config = tinyConfig({ ...changes, generator: { hiddenSizes: [16] } });
    const hashes: unknown[] = [];
    for (const stops of [[], [1], [1, 1, 2]]) {
      await withFolder(async (folder) => {
        for (const [i, stopAfter] of stops.entries()) {
          await trainTiny(config, folder, { stopAfter, start, resume: i > 0 });
        }
        // A resumed session reads what the folder has kept.
        const kept = stops.length === 0 ? start : startIn(folder, config);
        await trainTiny(config, folder, { start: kept, resume: stops.length > 0 });
        hashes.push(hashRun(folder));
        const options = { registry: tinyRegistry(), models, session: { threads: 1 } };
        const { matches, hashes: compared } = await verifyRun(folder, options);
        assert.deepEqual([matches, compared > 0], [true, true]);
        Deno.removeSync(join(folder, "start.safetensors"));
        await assert.rejects(verifyRun(folder, options), /start\.safetensors/);
      });
    }
    assert.deepEqual(hashes[1], hashes[0]);
    assert.deepEqual(hashes[2], hashes[0]);
  });
}
