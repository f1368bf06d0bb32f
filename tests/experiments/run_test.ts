/** The task that runs experiments: what it is asked for, and what it does not do twice. */

import assert from "node:assert/strict";
import { ManualClock, run } from "../support/program.ts";
import { TINY, withFolder } from "../support/tiny_command.ts";
import type { Call } from "./measure.ts";
import { readRecords } from "./records.ts";
import { parseRequest, type Request, runExperiments } from "./run.ts";
import { type Row, TABLES } from "./tables.ts";

Deno.test("parseRequest() chooses rows by name, budget and seeds", () => {
  assert.deepEqual(parseRequest([]), { rows: [], again: false });
  assert.deepEqual(parseRequest(["ablation", "--again"]), {
    table: "ablation",
    rows: TABLES.ablation,
    again: true,
  });
  const { rows, out } = parseRequest(["returns", "Hopper-v5", "--seeds", "11,12", "--out", "x"]);
  assert.deepEqual(rows.map(({ steps, seeds }) => [steps, seeds]), [[300_000, [11, 12]], [
    1_000_000,
    [11, 12],
  ]]);
  assert.equal(out, "x");
  const own = parseRequest(["returns", "Ant-v5", "--steps", "5000"]).rows;
  assert.deepEqual(own, [{ env: "Ant-v5", steps: 5000, seeds: [1, 2, 3, 4, 5], requests: 20 }]);
  const variant = parseRequest(["ablation", "fixed noise, queue, even draws"]).rows;
  assert.deepEqual(variant.map(({ variant }) => variant), ["fixed noise, queue, even draws"]);
});

Deno.test("parseRequest() makes the paper's rows for any environment and budget", () => {
  const variants = (...argv: string[]) =>
    parseRequest(["paper", ...argv]).rows.map(({ variant }) => variant);
  const all = variants("Swimmer-v5", "--steps", "200000");
  assert.deepEqual(all.slice(0, 4), ["this program", "udrlpg as published", "ars", "ddpg"]);
  assert.ok(!variants("CartPole-v1").includes("td3"), "its actions are discrete");
  const [row, ...others] = parseRequest(
    ["paper", "Swimmer-v5", "ars", "--steps", "9000", "--seeds", "7"],
  ).rows;
  assert.deepEqual(others, []);
  assert.deepEqual(row, {
    env: "Swimmer-v5",
    steps: 9000,
    seeds: [7],
    requests: 0,
    part: "algorithm",
    variant: "ars",
    set: { algorithm: "ars" },
    isOne: true,
  });
  const { band, set } = parseRequest(["paper", "Swimmer-v5"]).rows.at(-1)!;
  // A quarter to a half of -100 to 365.
  assert.deepEqual(band, { low: 16.25, high: 132.5 });
  assert.equal(set?.["buffer.exclude"], "0.25,0.5");
  assert.throws(() => variants("Swimmer-v5", "sac"), /paper must have a row "sac", got none$/);
});

Deno.test("parseRequest() names what is not there", () => {
  const cases: [argv: string[], message: RegExp][] = [
    [["retruns"], /the table must be one of returns, ablation, paper, zero-shot, got "retruns"$/],
    [["returns", "Hoper-v5"], /returns must have a row "Hoper-v5", got none$/],
    [
      ["ablation", "Ant-v5", "--steps", "5"],
      /ablation must have a row "Ant-v5" of 5 steps, got none$/,
    ],
    [["returns", "--seeds", "1,x"], /--seeds must be positive whole numbers, got "x"$/],
    [["returns", "--steps", "1e-3"], /--steps must be positive whole numbers, got "1e-3"$/],
    [["returns", "--sedes", "1"], /^Cannot run experiments: .*--sedes/],
  ];
  for (const [argv, message] of cases) {
    assert.throws(() => parseRequest(argv), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.match(error.message, message);
      return true;
    });
  }
});

const ROW: Row = {
  env: "CartPole-v1",
  steps: 5000,
  seeds: [1, 2],
  set: Object.fromEntries(TINY.map((assignment) => assignment.split("="))),
  requests: 0,
};

Deno.test("runExperiments() goes on where it was interrupted, and measures again on demand", async () => {
  await withFolder(async (folder) => {
    const request: Request = { table: "returns", rows: [ROW], again: false, out: folder };
    const calls: string[] = [];
    let left = Infinity;
    const call: Call = (argv) => {
      if (left-- === 0) throw new Error("interrupted");
      calls.push(argv[0]);
      return run([...argv, "--json", "--quiet"]);
    };
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const around = { call, clock: new ManualClock(), commit: "aaa-dirty", say };
    const seeds = () =>
      readRecords(`${folder}/results.jsonl`).map(({ seed, commit }) => [seed, commit]);

    const one = { ...request, rows: [{ ...ROW, seeds: [1] }] };
    await runExperiments(one, around);
    assert.deepEqual(seeds(), [[1, "aaa-dirty"]]);
    left = 2;
    await assert.rejects(runExperiments(request, around), { message: "interrupted" });
    assert.deepEqual(seeds(), [[1, "aaa-dirty"]]);
    left = Infinity;
    calls.length = 0;
    await runExperiments(request, around);
    assert.deepEqual(seeds(), [[1, "aaa-dirty"], [2, "aaa-dirty"]]);
    assert.equal(calls.filter((word) => word === "train").length, 1, "seed 1 is left alone");
    const { wallSeconds } = readRecords(`${folder}/results.jsonl`)[1];
    assert.equal(
      wallSeconds,
      undefined,
      "the second session knows nothing of the first one's time",
    );
    assert.match(
      Deno.readTextFileSync(`${folder}/RESULTS.md`),
      /\| CartPole-v1, 5,000 steps \| 1 2 /,
    );
    assert.match(said[1], /^returns, CartPole-v1, seed 2: /);

    await runExperiments({ ...one, again: true }, around);
    assert.equal(said.length, 2, "this commit has measured it");
    await Deno.remove(`${folder}/returns-CartPole-v1-5000-1`, { recursive: true });
    await runExperiments({ ...one, again: true }, { ...around, commit: "bbb" });
    assert.deepEqual(seeds(), [[2, "aaa-dirty"], [1, "bbb"]]);
  });
});

Deno.test("runExperiments() records results of committed files alone where all can see them", async () => {
  const around = {
    call: () => Promise.reject(new Error("nothing may run")),
    clock: new ManualClock(),
    say: () => {},
  };
  for (const commit of ["0123456789-dirty", "unknown"]) {
    await assert.rejects(
      runExperiments({ table: "returns", rows: [ROW], again: false }, { ...around, commit }),
      {
        message: "Cannot run experiments: results belong to a commit, got changed files: " +
          "commit them, or give --out FOLDER",
      },
    );
  }
});
