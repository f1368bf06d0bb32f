import assert from "node:assert/strict";
import fc from "fast-check";
import { matchNeurons } from "../../../lib/generator/match_neurons.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { createPolicyKernel } from "../../../lib/kernels/policy_kernel.ts";
import { assertAllClose } from "../../support/close.ts";

const SIZES = [3, 5, 4, 2];

function draw(rng: Rng): Float32Array {
  return Float32Array.from({ length: 4 * 5 + 6 * 4 + 5 * 2 }, () => rng.standardNormal());
}

function act(parameters: Float32Array, activation: "tanh" | "relu"): number[] {
  const kernel = createPolicyKernel(SIZES, activation);
  kernel.load(parameters);
  const rng = Rng.fromSeed(1);
  return Array.from({ length: 5 }, () => {
    const output = new Float64Array(2);
    kernel.forward(Float64Array.from({ length: 3 }, () => rng.standardNormal()), output);
    return [...output];
  }).flat();
}

for (const activation of ["tanh", "relu"] as const) {
  Deno.test(`matchNeurons() keeps what a ${activation} policy does, whatever the reference`, () =>
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const rng = Rng.fromSeed(seed);
        const [policy, reference] = [draw(rng), draw(rng)];
        const network = { sizes: SIZES, activation };
        const matched = matchNeurons(policy, reference, network);
        assertAllClose(act(matched, activation), act(policy, activation), { tolerance: 1e-5 });
      }),
      { numRuns: 30 },
    ));

  Deno.test(`matchNeurons() finds a ${activation} policy again whose neurons were shuffled`, () => {
    const rng = Rng.fromSeed(4);
    const [policy, other] = [draw(rng), draw(rng)];
    const network = { sizes: SIZES, activation };
    const shuffled = matchNeurons(policy, other, network);
    assert.notDeepEqual(shuffled, policy);
    const found = matchNeurons(shuffled, policy, network);
    assertAllClose(found, policy, { tolerance: 0 });
  });
}
