import assert from "node:assert/strict";
import fc from "fast-check";
import { matchNeurons } from "../../../lib/generator/match_neurons.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { createPolicyKernel, type Skip } from "../../../lib/kernels/policy_kernel.ts";
import { assertAllClose } from "../../support/close.ts";

const SIZES = [3, 5, 4, 2];

function draw(rng: Rng, skip: Skip): Float32Array {
  const length = 4 * 5 + 6 * 4 + (skip === "none" ? 5 : 8) * 2;
  return Float32Array.from({ length }, () => rng.standardNormal());
}

function act(parameters: Float32Array, activation: "tanh" | "relu", skip: Skip): number[] {
  const kernel = createPolicyKernel(SIZES, activation, skip);
  kernel.load(parameters);
  const rng = Rng.fromSeed(1);
  return Array.from({ length: 5 }, () => {
    const output = new Float64Array(2);
    kernel.forward(Float64Array.from({ length: 3 }, () => rng.standardNormal()), output);
    return [...output];
  }).flat();
}

const NETWORKS = [["tanh", "none"], ["relu", "none"], ["tanh", "linear"]] as const;

for (const [activation, skip] of NETWORKS) {
  Deno.test(`matchNeurons() keeps what a ${activation} policy does, skip ${skip}, whatever the reference`, () =>
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const rng = Rng.fromSeed(seed);
        const [policy, reference] = [draw(rng, skip), draw(rng, skip)];
        const network = { sizes: SIZES, activation, skip };
        const matched = matchNeurons(policy, reference, network);
        assertAllClose(act(matched, activation, skip), act(policy, activation, skip), {
          tolerance: 1e-5,
        });
      }),
      { numRuns: 30 },
    ));

  Deno.test(`matchNeurons() finds a ${activation} policy, skip ${skip}, again whose neurons were shuffled`, () => {
    const rng = Rng.fromSeed(4);
    const [policy, other] = [draw(rng, skip), draw(rng, skip)];
    const network = { sizes: SIZES, activation, skip };
    const shuffled = matchNeurons(policy, other, network);
    assert.notDeepEqual(shuffled, policy);
    const found = matchNeurons(shuffled, policy, network);
    assertAllClose(found, policy, { tolerance: 0 });
  });
}
