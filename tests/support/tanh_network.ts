import type { PolicyNetwork } from "../../lib/model.ts";

/** Describes a policy network with tanh layers of the given widths. */
export function tanhNetwork(hiddenSizes: readonly number[]): PolicyNetwork {
  return { hiddenSizes, activation: "tanh", skip: "none" };
}
