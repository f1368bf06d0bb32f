/** A policy that ONNX Runtime computes from a policy file. */

import type { EnvSpec } from "../env.ts";
import { observationSize } from "../env.ts";
import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";
import type { Policy } from "../model.ts";
import { assertTrustedOps, type OnnxSummary } from "./reader.ts";
import { chooseOutput, fitInput } from "./foreign_policy.ts";
import { createSession } from "./session.ts";
import {
  assertBoundedSizes,
  elementwise,
  matrixProduct,
  type ShapeRule,
  withoutAxis,
} from "./sizes.ts";

/** The shapes of what the operators make that the policies of this program are written with. */
const POLICY_RULES: Readonly<Record<string, ShapeRule>> = {
  Add: elementwise,
  ArgMax: withoutAxis,
  Gemm: matrixProduct,
  Max: elementwise,
  Min: elementwise,
  Mul: elementwise,
  Relu: elementwise,
  Sub: elementwise,
  Tanh: elementwise,
};

/** The operators of the policies that this program writes; a test exports each kind and compares. */
export const POLICY_OPERATORS: ReadonlySet<string> = new Set(Object.keys(POLICY_RULES));

/** Characters of what ONNX Runtime says that are shown. */
const MAX_REASON = 300;

/** What `createOnnxPolicy` needs besides the bytes. */
export interface OnnxPolicyOptions {
  /** Inputs and outputs as the file declares them. */
  readonly summary: OnnxSummary;
  /** The environment that it is to act in. */
  readonly spec: EnvSpec;
  /** What the file is called in errors. */
  readonly name: string;
  /** Runs operators that this program does not write, too. */
  readonly trust: boolean;
  /** Told what was assumed of a policy of another program. */
  readonly onNote?: (text: string) => void;
}

/**
 * Loads a policy into ONNX Runtime, one observation at a time.
 * @throws {FileError} when the graph does not fit the environment, holds foreign operators without
 * `trust`, or ONNX Runtime refuses it.
 */
export async function createOnnxPolicy(
  model: Uint8Array,
  { summary, spec, name, trust, onNote }: OnnxPolicyOptions,
): Promise<Policy> {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot use policy "${name}" in "${spec.id}": ${rule}`);
  };
  const refused = (error: Error): never =>
    fail(`ONNX Runtime refuses it: ${error.message.split("\n")[0].slice(0, MAX_REASON)}`);
  if (!trust) assertTrustedOps(summary, POLICY_OPERATORS);
  const size = observationSize(spec);
  const constants = new Set(summary.initializers.map((constant) => constant.name));
  const inputs = summary.inputs.filter((value) => !constants.has(value.name));
  const input = inputs.find((value) => value.name === "observation") ?? inputs[0];
  if (input === undefined) return fail("it must have an input for the observation, got none");
  if (inputs.length > 1) {
    const other = inputs.find((value) => value !== input)!.name;
    fail(`it must have one input, got ${quoteName(input.name)} and ${quoteName(other)}`);
  }
  if (input.elementType !== "float32") {
    fail(`it must take numbers in float32, got ${input.elementType}`);
  }
  const fitted = fitInput(input, size) ??
    fail(`it must take ${size} numbers, got ${quoteName(input.name)} [${input.shape.join(", ")}]`);
  const { shape, rows } = fitted;
  if (!trust) {
    assertBoundedSizes(summary, { inputs: { [input.name]: shape }, rules: POLICY_RULES });
  }
  const session = await createSession(model, { device: "cpu", threads: 1 })
    .catch(refused);
  const observations = { data: new Float32Array(rows * size), shape };
  const feeds = { [input.name]: observations };
  const isOwn = input.name === "observation" && rows === 1 &&
    summary.outputs.some((value) => value.name === "action");
  const run = isOwn ? undefined : await runForeign();
  return {
    load: () => fail("its parameters are fixed"),
    normalise: () => {}, // The normaliser is inside.
    async act(observation, action) {
      for (let row = 0; row < rows; row++) observations.data.set(observation, row * size);
      if (run !== undefined) return await run(action);
      const { action: { data } } = await session.run(feeds, { action: null }).catch(refused);
      if (data.length !== action.length) {
        fail(`actions must have ${action.length} numbers, got ${data.length}`);
      }
      for (let i = 0; i < action.length; i++) action[i] = Number(data[i]);
      checkPossible(action);
    },
  };

  function checkPossible(action: Float64Array): void {
    const wrong = action.find((value) => !isPossible(value, spec.actionSpace));
    if (wrong !== undefined) fail(`actions must be ones of it, got ${wrong}`);
  }

  /** Finds out by a first run which output is the action; gives what acts by it. */
  async function runForeign(): Promise<(action: Float64Array) => Promise<void>> {
    const first = await session.run(feeds).catch(refused);
    const given = summary.outputs.flatMap(({ name }) =>
      first[name] === undefined ? [] : [[name, first[name]] as const]
    );
    const output = chooseOutput(given, { summary, spec, rows }) ??
      fail(
        `an output must be an action or logits of it, got ${
          given.map(([name, { shape }]) => `${quoteName(name)} [${shape.join(", ")}]`).join(", ")
        }`,
      );
    onNote?.(
      `Policy ${quoteName(name)} of another program: ${quoteName(input.name)} [${
        shape.join(", ")
      }] is the observation, ${output.assumed}`,
    );
    return async (action) => {
      const { [output.name]: { data } } = await session.run(feeds, { [output.name]: null })
        .catch(refused);
      output.read(data, action);
      checkPossible(action);
    };
  }
}

/** Whether a number may stand in an action; one outside of a box is clipped or costs. */
function isPossible(value: number, space: EnvSpec["actionSpace"]): boolean {
  if (space.kind === "box") return Number.isFinite(value);
  return Number.isInteger(value) && value >= 0 && value < space.n;
}
