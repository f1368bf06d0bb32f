import assert from "node:assert/strict";
import { object } from "@optique/core/constructs";
import { parseArguments, variableOf } from "../../../lib/cli/arguments.ts";
import type { Command } from "../../../lib/cli/program.ts";
import { setting, settings, toggle } from "../../../lib/cli/options.ts";
import { choiceValue, integerValue, numberValue, textValue } from "../../../lib/cli/values.ts";

const example = { command: "udrlpg probe", does: "nothing" };
const probe: Command<Record<string, unknown>> = {
  description: [],
  examples: [example, example, example],
  exclusive: [["--run", "--generator"]],
  parser: () =>
    object("Options", {
      run: setting("--run", textValue("DIR"), "a"),
      generator: setting("--generator", textValue("FILE"), "b"),
      count: setting(["-n", "--count"], integerValue({ metavar: "N", min: 1, max: 9e9 }), "c"),
      rate: setting("--some-rate", numberValue({ metavar: "X" }), "d"),
      mode: setting("--mode", choiceValue(["fast", "slow"], "MODE"), "e"),
      set: settings("--set", textValue("K=V"), "f"),
      dry: toggle("--dry", "g"),
    }),
  run: () => Promise.resolve(),
};

function parse(argv: string[], env: Record<string, string> = {}) {
  const sources = { name: "probe", names: { environments: [] }, env: (key: string) => env[key] };
  return parseArguments(probe, argv, sources);
}

function assertRefused(argv: string[], message: string, env = {}): void {
  assert.throws(() => parse(argv, env), { name: "UsageError", message });
}

Deno.test("parseArguments() reads numbers in every spelling", () => {
  for (const [word, count] of [["7", 7], ["1e6", 1e6], ["1_000", 1000], ["+3", 3]] as const) {
    assert.equal(parse(["--count", word]).values.count, count);
  }
  for (
    const [word, rate] of [["-1.5", -1.5], [".5", 0.5], ["2e-5", 2e-5], ["-100", -100]] as const
  ) {
    assert.equal(parse(["--some-rate", word]).values.rate, rate);
  }
});

Deno.test("parseArguments() says what a number must be", () => {
  const rule = "must be an integer from 1 to 9000000000";
  for (const word of ["abc", "1.5", "0", "0x10", "1e99", "", "NaN", "Infinity", "1 2", "9e9_"]) {
    const shown = JSON.stringify(word);
    if (word === "9e9_") {
      assertRefused(["-n", word], `Cannot use option "--count": ${rule}, got ${shown}`);
    } else assertRefused(["--count", word], `Cannot use option "--count": ${rule}, got ${shown}`);
  }
  assertRefused(["--some-rate", "x"], 'Cannot use option "--some-rate": must be a number, got "x"');
});

Deno.test("parseArguments() hints at the nearest choice", () => {
  assertRefused(
    ["--mode", "fats"],
    'Cannot use option "--mode": must be one of fast, slow, got "fats": did you mean "fast"?',
  );
});

Deno.test("parseArguments() prefers the command line over variables", () => {
  const env = { UDRLPG_COUNT: "5", UDRLPG_SOME_RATE: "2", UDRLPG_DRY: "yes" };
  const { values, origins } = parse(["-n", "3"], env);
  assert.equal(values.count, 3);
  assert.equal(values.rate, 2);
  assert.equal(values.dry, true);
  assert.equal(origins.get("--count"), "--count");
  assert.equal(origins.get("--some-rate"), "UDRLPG_SOME_RATE");
  assert.equal(origins.get("--mode"), undefined);
  assert.equal(parse([], { UDRLPG_COUNT: "" }).values.count, undefined);
});

Deno.test("parseArguments() names the variable of a bad value", () => {
  assertRefused([], 'Cannot use UDRLPG_MODE: must be one of fast, slow, got "up"', {
    UDRLPG_MODE: "up",
  });
});

Deno.test("parseArguments() lets one of a group exclude the others", () => {
  assertRefused(
    ["--run", "a", "--generator=b"],
    'Cannot run "udrlpg probe": at most one of --run, --generator may be given, got --run and --generator',
  );
  const { values } = parse(["--generator", "g"], { UDRLPG_RUN: "r" });
  assert.equal(values.generator, "g");
  assert.equal(values.run, undefined);
});

Deno.test("parseArguments() refuses repetition except where it means something", () => {
  assertRefused(
    ["--run", "a", "--run", "b"],
    'Cannot use option "--run": must be given at most once, got it twice',
  );
  assert.deepEqual(parse(["--set", "a=1", "--set=b=2=3"]).values.set, ["a=1", "b=2=3"]);
});

Deno.test("variableOf() writes options and dotted option names in capitals", () => {
  assert.equal(variableOf("--checkpoint-every"), "UDRLPG_CHECKPOINT_EVERY");
  assert.equal(variableOf("update.learningRate"), "UDRLPG_UPDATE_LEARNING_RATE");
  assert.equal(variableOf("seed"), "UDRLPG_SEED");
});
