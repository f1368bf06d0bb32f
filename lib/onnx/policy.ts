/** A policy that ONNX Runtime computes from a policy file. */

import type { EnvSpec } from "../env.ts";
import { observationSize } from "../env.ts";
import { FileError } from "../system/errors.ts";
import type { Policy } from "../model.ts";
import { assertTrustedOps, type OnnxSummary } from "./reader.ts";
import { createSession } from "./session.ts";

/** The operators of the policies that this program writes; a test exports each kind and compares. */
export const POLICY_OPERATORS: ReadonlySet<string> = new Set([
  "Add",
  "ArgMax",
  "Gemm",
  "Mul",
  "Relu",
  "Sub",
  "Tanh",
]);

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
}

/**
 * Loads a policy into ONNX Runtime, one observation at a time.
 * @throws {FileError} when the graph does not fit the environment, holds foreign operators without
 * `trust`, or ONNX Runtime refuses it.
 */
export async function createOnnxPolicy(
  model: Uint8Array,
  { summary, spec, name, trust }: OnnxPolicyOptions,
): Promise<Policy> {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot use policy "${name}" in "${spec.id}": ${rule}`);
  };
  if (!trust) assertTrustedOps(summary, POLICY_OPERATORS);
  const size = observationSize(spec);
  const input = summary.inputs.find((value) => value.name === "observation");
  const output = summary.outputs.find((value) => value.name === "action");
  if (!input || !output) return fail('it must have an input "observation" and an output "action"');
  const width = input.shape?.at(-1);
  if (typeof width === "number" && width !== size) {
    fail(`it must take ${size} numbers, got ${width}`);
  }
  const session = await createSession(model, { device: "cpu", threads: 1 })
    .catch((error) => fail(`ONNX Runtime refuses it: ${String(error.message).split("\n")[0]}`));
  const observations = { data: new Float32Array(size), shape: [1, size] };
  const feeds = { observation: observations };
  return {
    load: () => fail("its parameters are fixed"),
    normalise: () => {}, // The normaliser is inside.
    async act(observation, action) {
      observations.data.set(observation);
      const { action: { data } } = await session.run(feeds, { action: null });
      if (data.length !== action.length) {
        fail(`actions must have ${action.length} numbers, got ${data.length}`);
      }
      for (let i = 0; i < action.length; i++) action[i] = Number(data[i]);
    },
  };
}
