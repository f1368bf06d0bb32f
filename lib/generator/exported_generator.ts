/**
 * A trained generator as one ONNX model, for any runtime: the return that is wanted and an observation in,
 * the action of the policy for that return out. Calibration, command features, tiling, normaliser and
 * action bounds are inside.
 *
 * Every row of a call makes a policy of its own. Who wants one policy for many steps is better served
 * by `generate`.
 */

import { trace } from "../autodiff/graph.ts";
import type { Graph } from "../autodiff/node.ts";
import { sizeOf } from "../autodiff/shape.ts";
import { constantBeside, reshape } from "../autodiff/tensor.ts";
import { sealOnnx } from "../formats/checksum.ts";
import type { ModelTable, WeightTensors } from "../model.ts";
import { exportOnnx } from "../onnx/export.ts";
import { UsageError } from "../system/errors.ts";
import { VERSION } from "../system/version.ts";
import { reachableRange } from "./calibration.ts";
import { traceCommand } from "./command_graph.ts";
import type { TrainedGenerator } from "./generator_file.ts";

/** What `format` in the metadata says. */
export const EXPORT_FORMAT = "udrlpg-generator-graph";

/**
 * Traces `wantedReturn` [N] and `observation` [N, S], raw, to `action` (as in policy files) and `command`
 * [N, 1].
 * @throws {UsageError} for a generator that draws a policy anew for each request.
 */
export function traceExport(
  { spec, shape, model, weights, normaliser, calibration }: Pick<
    TrainedGenerator,
    "spec" | "shape" | "model" | "weights" | "normaliser" | "calibration"
  >,
  models: ModelTable,
): Graph {
  if (model.latentSize > 0) {
    throw new UsageError(
      "Cannot export generator: generator.kind must be tiled, got cvae, which draws another policy " +
        "for each request",
    );
  }
  const inputs = { wantedReturn: ["N"], observation: ["N", shape.sizes[0]] };
  return trace(inputs, ({ wantedReturn, observation }) => {
    const tensors: Record<string, WeightTensors[string]> = {};
    let offset = 0;
    for (const { name, shape: sizes } of model.weights) {
      const data = weights.slice(offset, offset += sizeOf(sizes));
      tensors[name] = constantBeside(observation, { data, shape: sizes });
    }
    const command = traceCommand(reshape(wantedReturn, ["N", 1]), calibration);
    const encoded = model.traceEncoding(command);
    const normalised = models.traceNormalised(observation, normaliser);
    const actions = models.traceActions(spec, model.outputs(tensors, encoded, normalised));
    return { ...actions, command };
  });
}

/** Encodes a generator as an ONNX file. @throws {UsageError} as `traceExport`. */
export function encodeGenerator(
  generator: TrainedGenerator,
  models: ModelTable,
): Uint8Array<ArrayBuffer> {
  const { spec, shape, calibration, hash, config } = generator;
  const { min, max } = reachableRange(calibration);
  const model = exportOnnx(traceExport(generator, models), {
    name: "generator",
    docString: `Policies for ${spec.id}: wantedReturn [N] and observation [N, ${shape.sizes[0]}] ` +
      "in, action out",
    metadata: {
      format: EXPORT_FORMAT,
      program: `udrlpg ${VERSION}`,
      environment: spec.id,
      hiddenSizes: JSON.stringify(config.policy.hiddenSizes),
      activation: config.policy.activation,
      reachable: JSON.stringify([min, max]),
      bestReturn: String(calibration.bestReturn),
      generator: hash,
    },
  });
  return sealOnnx(model);
}
