/** Ladders, shares, pipes and promises, with a run that takes a second to train. */

import assert from "node:assert/strict";
import { readPolicy } from "../../../../lib/generator/read_policy.ts";
import { models } from "../../../../models/models.ts";
import { run } from "../../../support/program.ts";
import { sealedJson } from "../../../support/seal.ts";
import { trainTiny, withFolder } from "../../../support/tiny_command.ts";

async function ok(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

/** Trains a run and uses it and a folder beside it. */
function withRun(use: (out: string, folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const out = `${folder}/run`;
    assert.equal((await trainTiny(out)).code, 0);
    await use(out, folder);
  });
}

Deno.test("generate writes a ladder with its list, and evaluate tabulates it", () =>
  withRun(async (out, folder) => {
    const ladder = `${folder}/ladder`;
    const argv = ["generate", out, "--count", "3", "--verify", "2", "--out", ladder];
    const made = JSON.parse(await ok(...argv, "--json"));
    const [low, high] = made.reachable;
    const requested = made.policies.map((row: { requestedReturn: number }) => row.requestedReturn);
    assert.equal(requested.length, 3);
    // Asked for with six digits, but where that would be out of reach.
    const sixDigits = (value: number) => Number(value.toPrecision(6));
    assert.deepEqual([requested[0], requested[2]].map(sixDigits), [low, high].map(sixDigits));
    assert.ok(requested[0] >= low && requested[2] <= high);
    const { policies, ...about } = JSON.parse(await Deno.readTextFile(`${ladder}/manifest.json`));
    assert.deepEqual({ ...about, folder: ladder, policies }, made);
    const csv = (await Deno.readTextFile(`${ladder}/manifest.csv`)).trimEnd().split("\n");
    assert.equal(csv[0], "file,requested,measured,low95,high95,episodes,met");
    assert.equal(csv.length, 4);
    assert.equal(csv[1].split(",")[0], policies[0].file);
    assert.equal(Number(csv[1].split(",")[2]), policies[0].measuredReturn.mean);

    const table = JSON.parse(await ok("evaluate", ladder, "--episodes", "2", "--json")).policies;
    const means = table.map((row: { return: { mean: number } }) => row.return.mean);
    assert.deepEqual(means, [...means].sort((a, b) => b - a));
    const lines = (await ok("evaluate", ladder, "--check")).trimEnd().split("\n");
    assert.match(lines[0], /^return +std +95 % from +to +episodes +kept +policy$/);
    assert.equal(lines.filter((line) => / yes /.test(line)).length, 3);
  }));

Deno.test("generate takes lists, steps, shares and the best", () =>
  withRun(async (out, folder) => {
    const requested = async (...argv: string[]) => {
      const more = ["--verify", "1", "--out", `${folder}/p`, "--format", "json", "--json"];
      const made = JSON.parse(await ok("generate", out, ...argv, ...more));
      const rows = made.policies ?? [made];
      return {
        ...made,
        returns: rows.map((row: { requestedReturn: number }) => row.requestedReturn),
      };
    };
    const best = await requested("--return", "best");
    const [low, high] = best.reachable;
    const [bestReturn] = best.returns;
    assert.ok(bestReturn > low && bestReturn <= high);
    const [half] = (await requested("--return", "50%")).returns;
    assert.ok(Math.abs(half - (low + high) / 2) < 1e-3 * high);
    await Deno.remove(`${folder}/p`);
    assert.deepEqual((await requested("--returns", "15:20:2.5")).returns, [15, 17.5, 20]);
    assert.deepEqual((await requested("--returns", "20,best,20")).returns, [20, bestReturn]);
  }));

Deno.test("generate says what was missed, what is reachable and what to try", () =>
  withRun(async (out, folder) => {
    const ladder = `${folder}/ladder`;
    const argv = ["generate", out, "--verify", "2", "--out", ladder];
    const far = ["--returns", "15,1e6", "--tolerance", "5%", "--budget", "4"];
    const { code, stdout, stderr } = await run([...argv, ...far, "--json"]);
    assert.equal(code, 5);
    assert.match(stderr, /got \d of 2 that are not: .*: (ask for a return from|use a larger)/);
    assert.match(
      stderr,
      /^Expected: about [\d.]+ of 2 met, [12] out of reach, in about \d+ episodes$/m,
    );
    const [, missed] = JSON.parse(stdout).policies;
    assert.equal(missed.met, false);
    const { reachable, episodes: [low, median, high], probability } = {
      ...missed.expected,
      episodes: [missed.expected.range[0], missed.expected.episodes, missed.expected.range[1]],
    };
    assert.deepEqual([reachable, probability], [false, 0]);
    assert.ok(low <= median && median <= high && high <= 6, `${low} ${median} ${high}`);
    const least = await run([
      ...argv.slice(0, 4),
      "--out",
      `${folder}/p.json`,
      "--at-least",
      "1e6",
    ]);
    assert.equal(least.code, 5);
    assert.match(least.stderr, /the interval must begin at 1000000 or above, got /);
    assert.match(least.stdout, /^Met +no: ask for a return from/m);
    const less = ["--out", `${folder}/p.json`, "--at-least", "1"];
    const easy = await run(["generate", out, "--verify", "5", ...less]);
    assert.match(easy.stdout, /^Met +yes$/m);
    assert.match(
      easy.stderr,
      /^Expected: within reach, met in \d+ of 100 cases, about 5 episodes$/m,
    );
  }));

Deno.test("generate shows a share of episodes by the binomial, and evaluate --check repeats it", () =>
  withRun(async (out, folder) => {
    const path = `${folder}/p.json`;
    const argv = ["generate", out, "--out", path, "--at-least", "9"];
    const made = JSON.parse(await ok(...argv, "--in", "90%", "--json"));
    const { n, seeds } = made.measuredReturn;
    // Twice the 29 episodes without which nothing shows 90 %.
    assert.deepEqual([n, seeds.length, made.met], [58, 58, true]);
    assert.deepEqual({ ...made.reached, surelyAbove: 0 }, {
      return: 9,
      wanted: 0.9,
      episodes: 58,
      surelyAbove: 0,
    });
    assert.ok(Math.abs(made.reached.surelyAbove - 0.05 ** (1 / 58)) < 1e-9);
    const checked = await ok("evaluate", "--check", path);
    assert.match(checked, /58 of 58 reached 9: more than 94\.\d+ % of all do/);
    assert.match(checked, /^Kept +yes/m);
    const far = await run([...argv.slice(0, -1), "400", "--in", "0.5"]);
    assert.equal(far.code, 5);
    assert.match(
      far.stderr,
      /more than 50 % of episodes must reach 400, got \d+ of 20 reached 400/,
    );
    for (
      const [more, rule] of [
        [["--in", "100%"], /must be a share between 0% and 100% such as 90%/],
        [["--in", "90%", "--verify", "28"], /must be at least 29, the fewest .* show --in 90%/],
      ] as const
    ) {
      const { code, stderr } = await run([...argv, ...more]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, rule);
    }
    const alone = await run(["generate", out, "--return", "20", "--in", "90%"]);
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /--in says how many episodes reach --at-least R/);
  }));

Deno.test("generate writes a policy to the output stream", () =>
  withRun(async (out, folder) => {
    const argv = ["generate", out, "--return", "20", "--verify", "2"];
    const takeBytes = (bytes: Uint8Array) => Deno.writeFileSync(`${folder}/piped.onnx`, bytes);
    const piped = await run([...argv, "--out", "-"], { takeBytes });
    assert.deepEqual([piped.code, piped.stdout], [0, ""]);
    assert.match(piped.stderr, /^Measured return/m);
    await ok(...argv, "--out", `${folder}/written.onnx`);
    const read = (name: string) => readPolicy(`${folder}/${name}`, { models }).metadata;
    assert.deepEqual({ ...read("piped.onnx") }, { ...read("written.onnx") });
    const both = await run([...argv, "--out", "-", "--json"]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--out - and --json must not both be given/);
  }));

Deno.test("generate refuses requests that contradict each other", () =>
  withRun(async (out) => {
    for (
      const [argv, rule] of [
        [
          ["--return", "20", "--count", "2"],
          /at most one of --return, --returns, --count, --at-least/,
        ],
        [["--return", "110%"], /must be a number, "best" or a share of the reachable range/],
        [["--returns", "5:1:1"], /must be LOW:HIGH:STEP with LOW up to HIGH/],
        [["--returns", "1,x"], /must be at most 1000 returns, each of which/],
        [["--return", "20", "--tolerance", "-1"], /must be a number of at least 0 or a share/],
        [["--count", "2", "--out", "a.onnx"], /--out must be a folder for several, got "a.onnx"/],
        [["--at-least", "2", "--tolerance", "1"], /at most one of --tolerance, --at-least/],
      ] as const
    ) {
      const { code, stderr } = await run(["generate", out, ...argv]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, rule);
    }
  }));

Deno.test("evaluate --check repeats a promise and finds a broken one; inspect says it", () =>
  withRun(async (out, folder) => {
    const path = `${folder}/p.json`;
    const argv = ["--return", "20", "--tolerance", "1000", "--verify", "3", "--out", path];
    const made = JSON.parse(await ok("generate", out, ...argv, "--json"));
    assert.equal(made.met, true);
    const checked = JSON.parse(await ok("evaluate", "--check", path, "--json"));
    assert.equal(checked.kept, true);
    assert.equal(checked.return.mean, made.measuredReturn.mean);
    const { proof, promise } = JSON.parse(await ok("inspect", path, "--json"));
    assert.deepEqual(proof, {
      kind: "fixed fresh sample",
      level: 0.95,
      episodes: made.measuredReturn.n,
      tolerance: 1000,
      met: true,
    });
    assert.match(promise, /^It returned [\d.]+ on average in \d+ fresh episodes that no search/);

    const json = JSON.parse(await Deno.readTextFile(path));
    const { seeds } = made.measuredReturn;
    const boast = { mean: 400, std: 1, n: seeds.length, ci95: [399, 401], seeds };
    json.metadata.measuredReturn = JSON.stringify(boast);
    await Deno.writeTextFile(path, sealedJson(json));
    const broken = await run(["evaluate", "--check", path]);
    assert.equal(broken.code, 3);
    assert.match(
      broken.stderr,
      /^Cannot confirm policy ".*": it must return 400 as it promises, got/,
    );
  }));

Deno.test("generate answers with the one policy of ars, and says so", () =>
  withFolder(async (folder) => {
    const out = `${folder}/run`;
    const argv = ["train", "--env", "CartPole-v1", "--algorithm", "ars", "--steps", "2000"];
    const more = ["--threads", "1", "--set", "reports.evaluations=0", "--out", out];
    const trained = await run([...argv, ...more], { env: { UDRLPG_DEVICE: "cpu" } });
    assert.equal(trained.code, 0, trained.stderr);
    assert.match(trained.stdout, /^Environment {3}CartPole-v1, ars, preset default, seed 1$/m);
    assert.match(trained.stdout, /^Policy {8}returns /m);
    const ask = (...more: string[]) => run(["generate", out, "--verify", "3", ...more, "--json"]);
    const [low, high] = [await ask("--return", "1"), await ask("--return", "400")];
    assert.match(low.stderr, /ars has learnt one policy: it answers whatever return is asked for/);
    const { policy: _, requestedReturn: asked, met, ...first } = JSON.parse(low.stdout);
    const second = JSON.parse(high.stdout);
    assert.deepEqual(first.measuredReturn, second.measuredReturn);
    assert.equal(asked, 1);
    assert.equal(met, false);
    const strict = await ask("--return", "1", "--tolerance", "0.5");
    assert.equal(strict.code, 5);
    assert.match(strict.stderr, /train with --algorithm udrlpg for any return/);
  }));
