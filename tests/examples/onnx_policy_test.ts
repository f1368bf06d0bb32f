// deno-lint-ignore-file no-console
/** The Python example, where Python has what it needs: Gymnasium gives the returns that we give. */

import assert from "node:assert/strict";
import { registry } from "../../envs/registry.ts";
import { writePolicy } from "../../lib/generator/policy_file.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { models } from "../../models/models.ts";
import { tanhNetwork } from "../support/tanh_network.ts";
import { run } from "../support/program.ts";
import { drawPolicy } from "../support/random_policy.ts";

const SCRIPT = new URL("onnx_policy.py", import.meta.url).pathname;

async function python(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("python3", { args, stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("onnx_policy.py gives the returns that rollout gives for the same seeds", async () => {
  if (await python("-c", "import gymnasium, onnxruntime") === undefined) {
    return console.info("Python has no gymnasium and onnxruntime: the example was not tried");
  }
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  try {
    const spec = registry.spec("CartPole-v1");
    const shape = models.policyShape(spec, tanhNetwork([16]));
    const parameters = drawPolicy(shape, Rng.fromSeed(3));
    writePolicy(path, {
      numbers: {
        ...tanhNetwork([16]),
        parameters,
        normaliser: { mean: new Float64Array(4), deviation: new Float64Array(4).fill(0.1) },
      },
      label: {
        environment: spec.id,
        requestedReturn: 30,
        command: 0,
        measuredReturn: null,
        generator: "",
      },
      format: "onnx",
      spec,
      models,
    });
    const result = JSON.parse((await python(SCRIPT, path, "--episodes", "4", "--seed", "5"))!);
    assert.deepEqual([result.env, result.requestedReturn], ["CartPole-v1", 30]);
    const returns: number[] = [];
    for (const seed of [5, 6, 7, 8]) {
      const argv = ["rollout", "--env", spec.id, "--seed", `${seed}`, "--policy", path, "--json"];
      const lines = (await run(argv)).stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      returns.push(lines.reduce((sum, { reward }) => sum + reward, 0));
    }
    assert.deepEqual(result.returns, returns);
  } finally {
    await Deno.remove(path);
  }
});
