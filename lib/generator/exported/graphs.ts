/**
 * A trained generator as ONNX models, for any runtime. Calibration, command features and tiling are
 * inside both.
 *
 * The first takes the return that is wanted and an observation, and gives the action of the policy for
 * that return; normaliser and action bounds are inside, too. Every row of a call makes a policy of its
 * own. The second gives the policy's parameters; its metadata say how they lie and what else it takes
 * to act with them.
 */

import { trace } from "../../autodiff/graph.ts";
import type { Graph, Tensor } from "../../autodiff/node.ts";
import { type Dim, sizeOf } from "../../autodiff/shape.ts";
import { constantBeside, reshape } from "../../autodiff/tensor.ts";
import { sealOnnx } from "../../formats/checksum.ts";
import { fanIns } from "../../kernels/policy_kernel.ts";
import type { ModelTable, NormaliserState, PolicyShape, WeightTensors } from "../../model.ts";
import { exportOnnx } from "../../onnx/export.ts";
import { UsageError } from "../../system/errors.ts";
import { VERSION } from "../../system/version.ts";
import { reachableRange } from "../calibration.ts";
import { traceCommand } from "../command_graph.ts";
import type { TrainedGenerator } from "../generator_file.ts";

/** What `format` in the metadata says. */
export const EXPORT_FORMAT = "udrlpg-generator-graph";

/** What the graphs are made from. */
export type GraphSource = Pick<
  TrainedGenerator,
  "spec" | "shape" | "model" | "weights" | "normaliser" | "calibration"
>;

/** Names the weights as constants of the graph that `beside` belongs to. */
function constantsOf({ model, weights }: GraphSource, beside: Tensor): WeightTensors {
  let offset = 0;
  return Object.fromEntries(
    model.weights.map(({ name, shape }) => {
      const data = weights.slice(offset, offset += sizeOf(shape));
      return [name, constantBeside(beside, { data, shape })];
    }),
  );
}

/**
 * Traces `wantedReturn` [N] and `observation` [N, S], raw, to `action` (as in policy files) and `command`
 * [N, 1].
 * @throws {UsageError} for a generator that draws a policy anew for each request.
 */
export function traceExport(source: GraphSource, models: ModelTable): Graph {
  const { spec, shape, model, normaliser, calibration } = source;
  checkKind(source);
  const inputs = { wantedReturn: ["N"], observation: ["N", shape.sizes[0]] };
  return trace(inputs, ({ wantedReturn, observation }) => {
    const command = traceCommand(reshape(wantedReturn, ["N", 1]), calibration);
    const encoded = model.traceEncoding(command);
    const normalised = models.traceNormalised(observation, normaliser);
    const outputs = model.outputs(constantsOf(source, observation), encoded, normalised);
    return { ...models.traceActions(spec, outputs), command };
  });
}

/**
 * Traces `wantedReturn` [N] to `parameters` [N, P], in policy order (lib/policy_space.ts).
 * @param rows N, or a number for a graph that answers so many returns at once
 * @throws {UsageError} as `traceExport`.
 */
export function traceParameters(source: GraphSource, rows: Dim = "N"): Graph {
  const { model, calibration } = source;
  checkKind(source);
  return trace({ wantedReturn: [rows] }, ({ wantedReturn }) => {
    const command = traceCommand(reshape(wantedReturn, [rows, 1]), calibration);
    const encoded = model.traceEncoding(command);
    const policies = model.generate(constantsOf(source, wantedReturn), encoded); // [N, P]
    return { parameters: model.inPolicyOrder(policies) };
  });
}

function checkKind({ model }: GraphSource): void {
  if (model.latentSize === 0) return;
  throw new UsageError(
    "Cannot export generator: generator.kind must be tiled, got cvae, which draws another policy " +
      "for each request",
  );
}

/** Where one array of a policy lies among its parameters. */
export interface LayoutEntry {
  /** "W1", "b1", "W2", ... */
  readonly name: string;
  /** [out, in] of weights, [out] of biases. */
  readonly shape: readonly number[];
  /** Place of its first number. */
  readonly offset: number;
}

/** Lists the arrays of a policy in policy order. */
export function policyLayout(
  { sizes, skip }: Pick<PolicyShape, "sizes" | "skip">,
): LayoutEntry[] {
  const inputs = fanIns(sizes, skip);
  let offset = 0;
  const place = (name: string, shape: readonly number[]) => {
    const entry = { name, shape, offset };
    offset += sizeOf(shape);
    return entry;
  };
  return sizes.slice(1).flatMap((out, i) => [
    place(`W${i + 1}`, [out, inputs[i]]),
    place(`b${i + 1}`, [out]),
  ]);
}

/** Gives what the metadata of every exported generator say. */
export function exportMetadata(
  { spec, shape, calibration, hash, config }: TrainedGenerator,
): Record<string, string> {
  const { min, max } = reachableRange(calibration);
  return {
    format: EXPORT_FORMAT,
    program: `udrlpg ${VERSION}`,
    environment: spec.id,
    hiddenSizes: JSON.stringify(config.policy.hiddenSizes),
    activation: config.policy.activation,
    skip: shape.skip,
    reachable: JSON.stringify([min, max]),
    bestReturn: String(calibration.bestReturn),
    generator: hash,
  };
}

/** Gives the factor that a normaliser multiplies with, [S], as policies compute it. */
export function inverseDeviation({ deviation }: NormaliserState): Float32Array {
  return Float32Array.from(deviation, (value) => 1 / value);
}

/** Encodes (wanted return, observation) -> action as an ONNX file. @throws {UsageError} as `traceExport`. */
export function encodeActionModel(
  generator: TrainedGenerator,
  models: ModelTable,
): Uint8Array<ArrayBuffer> {
  const { spec, shape } = generator;
  const model = exportOnnx(traceExport(generator, models), {
    name: "generator",
    docString: `Policies for ${spec.id}: wantedReturn [N] and observation [N, ${shape.sizes[0]}] ` +
      "in, action out",
    metadata: exportMetadata(generator),
  });
  return sealOnnx(model);
}

/**
 * Encodes wanted return -> parameters as an ONNX file. A policy normalises an observation by
 * (observation - observationMean) * observationScale; its hidden layers are followed by `activation`;
 * with the `skip` "linear" the last layer sees the normalised observation behind the last hidden layer.
 * Continuous actions are tanh of the last layer, put between actionLow and actionHigh; discrete ones
 * the index of the largest output.
 * @throws {UsageError} as `traceExport`.
 */
export function encodeParameterModel(generator: TrainedGenerator): Uint8Array<ArrayBuffer> {
  const { spec, shape, normaliser } = generator;
  const list = (values: ArrayLike<number>) => JSON.stringify(Array.from(values));
  const space = spec.actionSpace;
  const model = exportOnnx(traceParameters(generator), {
    name: "parameters",
    docString: `Policies for ${spec.id}: wantedReturn [N] in, parameters ` +
      `[N, ${shape.parameterCount}] out; layout says how they lie`,
    metadata: {
      ...exportMetadata(generator),
      layout: JSON.stringify(policyLayout(shape)),
      observationMean: list(Float32Array.from(normaliser.mean)),
      observationScale: list(inverseDeviation(normaliser)),
      ...(space.kind === "box"
        ? { actionLow: list(space.low), actionHigh: list(space.high) }
        : { actions: String(space.n) }),
    },
  });
  return sealOnnx(model);
}
