// deno-lint-ignore-file no-console
/** C headers: compiled with gcc without a warning, and run beside the built-in forward. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { registry } from "../../../envs/registry.ts";
import { readCHeader } from "../../../lib/generator/c_header.ts";
import { identifierOf } from "../../../lib/generator/c_text.ts";
import { explainFile } from "../../../lib/cli/inspection.ts";
import type { PolicyNetwork } from "../../../lib/model.ts";
import type { PolicyNumbers } from "../../../lib/generator/policy_file.ts";
import { writePolicy, writtenFormatOf } from "../../../lib/generator/policy_file.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { models } from "../../../models/models.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";
import type { PolicyParameters } from "../../../lib/policy_space.ts";
import { tanhNetwork } from "../../support/tanh_network.ts";

function drawNumbers(id: string, network: PolicyNetwork): PolicyNumbers {
  const shape = models.policyShape(registry.spec(id), network);
  const rng = Rng.fromSeed(5);
  const size = shape.sizes[0];
  return {
    ...network,
    parameters: shape.scale.map((scale) => 2 * scale * rng.standardNormal()) as PolicyParameters,
    normaliser: {
      mean: new Float64Array(size).map(() => rng.standardNormal()),
      deviation: new Float64Array(size).map(() => rng.uniform(0.1, 3)),
    },
  };
}

function write(path: string, id: string, network: PolicyNetwork): PolicyNumbers {
  const numbers = drawNumbers(id, network);
  const label = {
    environment: `${id} */ int x; /*\n`,
    requestedReturn: 150,
    command: 0.5,
    measuredReturn: null,
    generator: "ab",
  };
  writePolicy(path, { numbers, label, format: "c", spec: registry.spec(id), models });
  return numbers;
}

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = makeFastFolder();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a program of the system; undefined where it is not installed. */
async function system(program: string, args: readonly string[], cwd: string) {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
      .output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const STRICT = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

for (
  const [id, network] of [
    ["Hopper-v5", tanhNetwork([16, 8])],
    ["Hopper-v5", { hiddenSizes: [16, 8], activation: "relu", skip: "none" }],
    ["Hopper-v5", { hiddenSizes: [16, 8], activation: "tanh", skip: "linear" }],
    ["InvertedPendulum-v5", tanhNetwork([])],
    ["CartPole-v1", tanhNetwork([16])],
  ] as const
) {
  Deno.test(`renderCHeader() writes a ${network.activation} policy for ${id} that gcc compiles and that acts the same`, () =>
    withFolder(async (folder) => {
      const numbers = write(join(folder, "policy-150.h"), id, network);
      const spec = registry.spec(id);
      const isDiscrete = spec.actionSpace.kind === "discrete";
      const shape = models.policyShape(spec, network);
      const size = shape.sizes[0];
      const rng = Rng.fromSeed(9);
      const observations = Array.from(
        { length: 20 },
        () => Float64Array.from({ length: size }, () => Math.fround(2 * rng.standardNormal())),
      );
      const call = isDiscrete
        ? `printf("%d\\n", policy_150_act(o[i]));`
        : `float a[POLICY_150_ACTION_SIZE]; policy_150_act(o[i], a);
           for (int j = 0; j < POLICY_150_ACTION_SIZE; j++) { printf("%.9g ", a[j]); }
           printf("\\n");`;
      const rows = observations.map((o) => `{${[...o].map((x) => x.toExponential()).join(", ")}}`);
      // Included twice, as headers are.
      const program = `#include <stdio.h>\n#include "policy-150.h"\n#include "policy-150.h"
static const float o[20][${size}] = {${rows.join(", ")}};
int main(void) { for (int i = 0; i < 20; i++) { ${call} } return policy_150_self_test(); }\n`;
      await Deno.writeTextFile(join(folder, "main.c"), program);
      const compiled = await system("gcc", [...STRICT, "main.c", "-o", "main", "-lm"], folder);
      if (compiled === undefined) return console.info("gcc is not installed: not compiled");
      assert.deepEqual([compiled.code, compiled.stderr], [0, ""]);
      const { code, stdout } = (await system("./main", [], folder))!;
      assert.equal(code, 0, "the self-test fails");

      const policy = models.createPolicy(spec, shape);
      policy.load(numbers.parameters);
      policy.normalise(numbers.normaliser);
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.length, 20);
      lines.forEach((line, i) => {
        const action = new Float64Array(isDiscrete ? 1 : shape.sizes.at(-1)!);
        policy.act(observations[i], action);
        line.trim().split(" ").map(Number).forEach((value, j) => {
          assert.ok(Math.abs(value - action[j]) <= 2e-6 * (1 + Math.abs(action[j])), `${line}`);
        });
      });
    }));
}

Deno.test("the self-test of a C header fails when a number is wrong", () =>
  withFolder(async (folder) => {
    write(join(folder, "p.h"), "Hopper-v5", tanhNetwork([16]));
    const text = await Deno.readTextFile(join(folder, "p.h"));
    const start = text.indexOf("p_parameters[");
    const wrong = text.slice(0, start) +
      text.slice(start).replace(/-?[0-9.]+f,/, "7.5f,");
    assert.notEqual(wrong, text);
    for (const [name, content] of [["good.h", text], ["wrong.h", wrong]]) {
      await Deno.writeTextFile(join(folder, name), content);
      const args = ["-x", "c", "-DP_MAIN", name, "-o", "test", "-lm"];
      const compiled = await system("gcc", args, folder);
      if (compiled === undefined) return console.info("gcc is not installed: not compiled");
      assert.equal(compiled.code, 0, compiled.stderr);
      const { code } = (await system("./test", [], folder))!;
      assert.equal(code === 0, name === "good.h");
    }
  }));

Deno.test("readCHeader() reads the metadata back, and refuses a damaged header", () =>
  withFolder((folder) => {
    const path = join(folder, "p.h");
    write(path, "CartPole-v1", tanhNetwork([8]));
    const { kind, facts } = explainFile(path, { specOf: () => null as never, models, session: {} });
    assert.equal(kind, "policy");
    assert.equal(facts.environment, "CartPole-v1 * / int x; / * ");
    assert.equal(facts.parameters, "58"); // (4 + 1) * 8 + (8 + 1) * 2
    assert.equal(facts.requestedReturn, "150");
    const text = Deno.readTextFileSync(path);
    const refused: [content: string, rule: RegExp][] = [
      ["int x;", /^Cannot read policy "p\.h": it must begin with "\/\* udrlpg policy in C"$/],
      [text.slice(0, -30), /its end is missing$/],
      [text.replace(/(_parameters\[58\] = \{)\s*[^,]+,/, "$1"), /must hold 58 parameters, got 57$/],
      [text.slice(0, 100), /must hold a number of parameters, got 0$/],
    ];
    for (const [content, rule] of refused) {
      const bytes = new TextEncoder().encode(content);
      assert.throws(() => readCHeader(bytes, { name: "p.h" }), {
        name: "FileError",
        message: rule,
      });
    }
  }));

Deno.test("identifierOf() makes a C name of any file name", () => {
  assert.equal(identifierOf("a/policy-150.5.h"), "policy_150_5");
  assert.equal(identifierOf("7.h"), "policy_7");
  assert.equal(identifierOf("é.h"), "policy");
  assert.match(identifierOf(`${"x".repeat(100)}.h`), /^x{40}$/);
});

Deno.test("writtenFormatOf() reads the ending and rejects others", () => {
  assert.equal(writtenFormatOf("a/b.H"), "c");
  assert.equal(writtenFormatOf("b.onnx"), "onnx");
  assert.throws(() => writtenFormatOf("b.c"), {
    name: "RangeError",
    message:
      'Cannot tell the format of "b.c": the name must end in one of .onnx, .safetensors, .json, .h',
  });
});
