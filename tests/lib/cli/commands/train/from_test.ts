/** `train --from`: a run and files of other programs are what training begins with, and what cannot be is refused. */

import assert from "node:assert/strict";
import { run } from "../../../../support/program.ts";
import { TINY, trainTiny, withFolder } from "../../../../support/tiny_command.ts";

const SB3 = new URL("../../../../golden/sb3/", import.meta.url).pathname;
const OPTIONS = [...TINY.filter((each) => !each.startsWith("policy.")), "update.perCycle=2"]
  .flatMap((assignment) => ["--set", assignment]);
const CPU = { env: { UDRLPG_DEVICE: "cpu" } };

const hashOf = (path: string) =>
  Array.from(Deno.readFileSync(path)).join().length +
  Array.from(Deno.readFileSync(path)).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);

Deno.test("train --from goes on from a run, in a new folder that repeats, resumes and is verified", () =>
  withFolder(async (folder) => {
    const old = `${folder}/old`;
    assert.equal((await trainTiny(old)).code, 0);
    const words = ["--threads", "1", "--steps", "16000", ...OPTIONS];
    const begun = await run(
      ["train", "--from", old, ...words, "--out", `${folder}/new`, "--json"],
      CPU,
    );
    assert.equal(begun.code, 0, begun.stderr);
    const { env, run: made } = JSON.parse(begun.stdout);
    // Environment and network are the run's own.
    assert.equal(env, "CartPole-v1");
    const config = Deno.readTextFileSync(`${made}/config.toml`);
    assert.match(config, /^start = "[0-9a-f]{64}"$/m);
    assert.match(config, /^hiddenSizes = \[32\]$/m);
    const verified = await run(["verify", made]);
    assert.match(verified.stdout, /^The same: \d+ records and \d state hashes of \d+ cycles$/m);
    // Its configuration repeats it without the old run.
    Deno.renameSync(old, `${folder}/gone`);
    const again = ["train", "--config", `${made}/config.toml`, "--out", `${folder}/again`];
    const repeated = await run(again, CPU);
    assert.equal(repeated.code, 0, repeated.stderr);
    const file = "generator.safetensors";
    assert.equal(hashOf(`${folder}/again/${file}`), hashOf(`${made}/${file}`));
    const resumed = await run(["train", "--resume", "--out", made, "--steps", "20000"], CPU);
    assert.equal(resumed.code, 0, resumed.stderr);
  }));

Deno.test("train --from begins with exports of another library", () =>
  withFolder(async (folder) => {
    const from = ["ppo_choices.onnx", "ppo_logits.onnx"].flatMap((file) => ["--from", SB3 + file]);
    const words = ["train", ...from, "--env", "CartPole-v1", "--steps", "16000", ...OPTIONS];
    const out = ["--threads", "1", "--out", `${folder}/run`];
    const { code, stderr } = await run([...words, ...out], CPU);
    assert.equal(code, 0, stderr);
    const metrics = Deno.readTextFileSync(`${folder}/run/metrics.jsonl`).split("\n");
    // Two policies and the untrained one.
    assert.match(metrics[3], /"kind":"episode".*"episode":3/);
    const inspected = await run(["inspect", `${folder}/run/start.safetensors`, "--json"]);
    assert.equal(inspected.code, 0, inspected.stderr);
    const { kind, policies } = JSON.parse(inspected.stdout);
    assert.equal(kind, "policies that a run begins with");
    assert.deepEqual(policies, [`${SB3}ppo_choices.onnx`, `${SB3}ppo_logits.onnx`]);
  }));

Deno.test("train --from refuses what no run can begin with, in one line", () =>
  withFolder(async (folder) => {
    const logits = `${SB3}ppo_logits.onnx`;
    const base = ["train", "--env", "CartPole-v1", "--out", `${folder}/run`];
    for (
      const [argv, code, rule] of [
        [[...base, "--from", folder], 3, /it must hold policy files, got none/],
        [
          [...base, "--from", logits, "--steps", "2000"],
          2,
          /hold 4 episodes of 500 steps .* begins with/,
        ],
        [
          [...base, "--from", logits, "--from", `${SB3}dqn_values.onnx`],
          3,
          /must have one architecture/,
        ],
        [
          [...base, "--from", logits, "--set", "policy.hiddenSizes=32"],
          2,
          /must be of the network of those that the run begins with, .* got policy.hiddenSizes \[32\]/,
        ],
        [[...base, "--from", logits, "--preset", "paper"], 2, /rollout.noise = "adapted"/],
        [[...base, "--from", logits, "--algorithm", "ars"], 2, /must have the algorithm udrlpg/],
        [[...base.slice(0, 1), "--from", logits], 2, /an environment must be given/],
        [
          [...base, "--from", `${SB3}sac_actor.onnx`],
          3,
          /must turn 4 numbers into 2, got 3 into 1/,
        ],
      ] as const
    ) {
      const result = await run(argv, CPU);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, rule);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
    }
  }));
