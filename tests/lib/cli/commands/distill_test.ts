/** An archive of policies becomes a run, from files of two formats; and what is no archive is refused. */

import assert from "node:assert/strict";
import { registry } from "../../../../envs/registry.ts";
import { models } from "../../../../models/models.ts";
import { writePolicy } from "../../../../lib/generator/policy_file.ts";
import type { PolicyNetwork } from "../../../../lib/model.ts";
import type { PolicyParameters } from "../../../../lib/policy_space.ts";
import { run } from "../../../support/program.ts";
import { tanhNetwork } from "../../../support/tanh_network.ts";
import { withFolder } from "../../../support/tiny_command.ts";

/** The score of a push to the right: the pole's angle and its speed; the larger the share, the steadier. */
function linear(share: number): number[] {
  const right = [0, 0.2 * share, 1, share];
  return [...right.map((x) => -x), ...right, 0, 0];
}

function write(path: string, parameters: readonly number[], network: PolicyNetwork): void {
  writePolicy(path, {
    numbers: {
      ...network,
      parameters: Float32Array.from(parameters) as PolicyParameters,
      // Not the identity: the frame has to be undone.
      normaliser: {
        mean: Float64Array.of(0, 0.1, 0, 0),
        deviation: Float64Array.of(1, 0.5, 0.1, 0.5),
      },
    },
    label: {
      environment: "CartPole-v1",
      requestedReturn: 0,
      command: 0,
      measuredReturn: null,
      generator: "",
    },
    format: path.endsWith(".json") ? "json" : "onnx",
    spec: registry.spec("CartPole-v1"),
    models,
  });
}

const QUICK = { UDRLPG_CONSOLIDATION_UPDATES: "160", UDRLPG_GENERATOR_HIDDEN_SIZES: "16" };

Deno.test("distill makes a run of an archive, which generate, evaluate and resuming take", () =>
  withFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/archive`);
    [-0.5, -0.1, 0.1, 1].forEach((share, i) => {
      const ending = i % 2 === 0 ? "onnx" : "json";
      write(`${folder}/archive/${i}.${ending}`, linear(share), tanhNetwork([]));
    });
    const out = `${folder}/run`;
    const { code, stdout, stderr } = await run(
      ["distill", `${folder}/archive`, "--out", out, "--json"],
      { env: QUICK },
    );
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.equal(result.policies.length, 4);
    assert.deepEqual(result.trials.length, 4);
    const worth = result.trials.map((one: { miss: number; shortfall: number }) =>
      one.miss + one.shortfall
    );
    const chosen = result.trials[worth.indexOf(Math.min(...worth))];
    assert.deepEqual([chosen.fit, chosen.order], [result.fit, result.order]);
    const means = result.policies.map((one: { return: { mean: number } }) => one.return.mean);
    const best = Math.max(...means);
    assert.ok(best > 150 && Math.min(...means) < 60, `${means}`);
    // What an untrained generator of policies that are zero would not do.
    assert.ok(result.finalReturn.mean > 0.7 * best, `${result.finalReturn.mean} of ${best}`);
    const { training, calibration } = result.stepsByPurpose;
    // Twenty episodes of each policy, and a calibration, are half a budget each.
    assert.ok(training <= 4 * 20 * 500 && training > 4 * 19 * 500 - 2 * 500, `${training}`);
    assert.ok(calibration > 0 && calibration <= 50_000, `${calibration}`);

    const [low, high] = result.reachable;
    const wanted = String(Math.round((low + high) / 2));
    const made = await run(["generate", out, "--return", wanted, "--out", `${folder}/p.onnx`]);
    assert.equal(made.code, 0, made.stderr);
    const verified = await run(["verify", out]);
    assert.match(verified.stdout, /^The same: \d+ records and 1 state hashes of 1 cycles$/m);
    const more = ["train", "--resume", "--out", out, "--steps", "90000", "--quiet"];
    const resumed = await run(more, { env: QUICK });
    assert.equal(resumed.code, 0, resumed.stderr);
    // Training goes on from the archive's best: an untrained generator's rollouts end at once.
    const episodes = Deno.readTextFileSync(`${out}/metrics.jsonl`).split("\n")
      .filter((line) => line.includes('"kind":"episode"'))
      .map((line) => JSON.parse(line).return as number);
    const [first, last] = [episodes.slice(0, 76), episodes.slice(-20)];
    const meanOf = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b) / numbers.length;
    assert.ok(meanOf(last) > meanOf(first), `${meanOf(last)} after ${meanOf(first)}`);
  }));

Deno.test("distill refuses what is no archive in one line", () =>
  withFolder(async (folder) => {
    const path = (name: string) => `${folder}/${name}`;
    write(path("a.onnx"), linear(1), tanhNetwork([]));
    write(path("b.json"), Array(4 * 8 + 8 + 8 * 2 + 2).fill(0.1), tanhNetwork([8]));
    const refused: [argv: readonly string[], code: number, rule: RegExp][] = [
      [[path("a.onnx")], 2, /a run folder must be given: use --out DIR/],
      [[path("a.onnx"), "--out", path("r")], 2, /there must be 2 to 256 of them, got 1/],
      [
        [path("a.onnx"), path("b.json"), "--out", path("r")],
        3,
        /one architecture, got no hidden layers in ".*a\.onnx" and layers \[8\] with tanh in ".*b\.json"/,
      ],
      [
        [path("a.onnx"), path("a.onnx"), "--out", path("r"), "--steps", "900"],
        2,
        /--steps must hold an episode of each, at least \d+, got 900/,
      ],
      [
        [path("a.onnx"), path("a.onnx"), "--out", path("r"), "--env", "Pendulum-v1"],
        3,
        /it must turn 3 numbers into 1, got 4 into 2/,
      ],
    ];
    for (const [argv, code, rule] of refused) {
      const result = await run(["distill", ...argv]);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, rule);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1);
    }
  }));
