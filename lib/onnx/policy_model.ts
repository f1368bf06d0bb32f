/** A policy as an ONNX model: `observation` in, `action` out, everything inside. */

import type { EnvSpec } from "../env.ts";
import type { ModelTable, NormaliserState, PolicyNetwork } from "../model.ts";
import type { PolicyParameters } from "../policy_space.ts";
import { exportOnnx } from "./export.ts";

/** Encodes a policy; the file's checksum comes behind it (lib/formats/checksum.ts). */
export function encodePolicyModel(
  numbers: PolicyNetwork & {
    readonly parameters: PolicyParameters;
    readonly normaliser: NormaliserState;
  },
  { metadata, spec, models }: {
    readonly metadata: Readonly<Record<string, string>>;
    readonly spec: EnvSpec;
    readonly models: ModelTable;
  },
): Uint8Array<ArrayBuffer> {
  const shape = models.policyShape(spec, numbers);
  return exportOnnx(models.tracePolicy(spec, shape, numbers), {
    name: "policy",
    metadata,
    docString: `Policy for ${spec.id}: observation [N, ${shape.sizes[0]}] in, action out`,
  });
}
