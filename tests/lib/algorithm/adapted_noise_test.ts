import assert from "node:assert/strict";
import {
  type AdaptedNoise,
  adaptNoise,
  createAdaptedNoise,
  type Direction,
  drawDirections,
  LARGEST_FULL,
  winnerShares,
} from "../../../lib/algorithm/adapted_noise.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { assertAllClose } from "../../support/close.ts";

function direction(...values: number[]): Direction {
  return { normal: Float64Array.from(values), shaped: Float64Array.from(values) };
}

Deno.test("winnerShares() are the log ranks of the better half, made to sum to 1", () => {
  // n = 4: log(5/2) - log(1) = 0.916291, log(5/2) - log(2) = 0.223144; their sum is 1.139434.
  assertAllClose(winnerShares(4), [0.804162, 0.195838], { tolerance: 1e-6 });
  assert.equal(winnerShares(7).length, 3);
});

Deno.test("drawDirections() mirrors every other direction and shapes it by the covariance", () => {
  const noise = createAdaptedNoise(2);
  // A = [[2, 0], [1, 3]]: A A' = [[4, 2], [2, 10]].
  noise.covariance.set([4, 2, 2, 10]);
  const [first, mirrored, third] = drawDirections(noise, Rng.fromSeed(1), 3);
  const [a, b] = first.normal;
  assertAllClose(first.shaped, [2 * a, a + 3 * b], { tolerance: 1e-12 });
  assert.deepEqual([...mirrored.normal], [-a, -b]);
  assert.deepEqual([...mirrored.shaped], [...first.shaped].map((value) => -value));
  assert.notEqual(third.normal[0], a);
});

Deno.test("adaptNoise() follows the tutorial's equations, by hand for one parameter", () => {
  const noise = createAdaptedNoise(1);
  noise.sigma = 0.1;
  adaptNoise(noise, [direction(2), direction(1)], [0.5, 0.5]);
  // mu_eff = 2; c_sigma = 4 / 8 = 0.5; gain = sqrt(0.5 * 1.5 * 2) = 1.2247449; <z> = 1.5: p_sigma = 1.8371173.
  assertAllClose(noise.sizePath, [1.8371173], { tolerance: 1e-6 });
  // E|N| = 1 - 1/4 + 1/21 = 0.7976190; unbiased = 1.8371173 / sqrt(1 - 0.5^2) = 2.1213203;
  // 2.1213203 / 0.797619 = 2.6595662 > 1.4 + 2/2 = 2.4: the shape path waits.
  assert.deepEqual([...noise.shapePath], [0]);
  // c_1 = 2 / (2.3^2 + 2) = 0.2743484; c_mu = min(0.7256516, 2 * 0.5 / (9 + 2)) = 0.0909091;
  // C = (1 - 0.3652575) + 0.0909091 * (4 + 1) / 2 = 0.8620153.
  assertAllClose(noise.covariance, [0.8620153], { tolerance: 1e-6 });
  // d_sigma = 1 + 2 * max(0, sqrt(1/2) - 1) + 0.5 = 1.5: sigma = 0.1 exp(0.5/1.5 * (1.8371173/0.797619 - 1)).
  assertAllClose([noise.sigma], [0.1 * Math.exp((1.8371173 / 0.797619 - 1) / 3)], {
    tolerance: 1e-6,
  });
});

Deno.test("adaptNoise() lets no noise grow beyond the size that it starts with", () => {
  const noise = createAdaptedNoise(1);
  adaptNoise(noise, [direction(2), direction(1)], [0.5, 0.5]);
  // As above it would be 1.08 times a deviation of sqrt(0.8620153).
  assertAllClose([noise.sigma], [0.35 / Math.sqrt(0.8620153)], { tolerance: 1e-6 });
  const wide = createAdaptedNoise(LARGEST_FULL + 1);
  const far = direction(...new Array(LARGEST_FULL + 1).fill(9));
  for (let cycle = 0; cycle < 20; cycle++) adaptNoise(wide, [far, far], [0.5, 0.5]);
  const variance = wide.covariance.reduce((sum, value) => sum + value, 0) / (LARGEST_FULL + 1);
  assertAllClose([wide.sigma * Math.sqrt(variance)], [0.35], { tolerance: 1e-6 });
});

/** Minimises a function by cycles of ten directions and moving all the way to the winners' mean. */
function search(
  size: number,
  { cost, cycles }: { cost: (x: Float64Array) => number; cycles: number },
): { noise: AdaptedNoise; best: number } {
  const rng = Rng.fromSeed(3);
  const noise = createAdaptedNoise(size);
  const shares = winnerShares(10);
  const centre = new Float64Array(size).fill(3);
  for (let cycle = 0; cycle < cycles; cycle++) {
    const ranked = drawDirections(noise, rng, 10)
      .map((each) => ({
        each,
        cost: cost(centre.map((value, i) => value + noise.sigma * each.shaped[i])),
      }))
      .sort((a, b) => a.cost - b.cost)
      .slice(0, 5)
      .map(({ each }) => each);
    ranked.forEach(({ shaped }, rank) =>
      centre.forEach((_, i) => centre[i] += shares[rank] * noise.sigma * shaped[i])
    );
    adaptNoise(noise, ranked, shares);
  }
  return { noise, best: cost(centre) };
}

const sphere = (x: Float64Array) => x.reduce((sum, value) => sum + value * value, 0);
/** Axes of very different lengths: a noise of one size for all of them crawls. */
const ellipsoid = (x: Float64Array) => x.reduce((sum, v, i) => sum + 10 ** (4 * i / 5) * v * v, 0);

Deno.test("adapted noise converges on a sphere and learns the axes of an ellipsoid", () => {
  assert.ok(search(6, { cost: sphere, cycles: 150 }).best < 1e-8);
  const { noise, best } = search(6, { cost: ellipsoid, cycles: 300 });
  assert.ok(best < 1e-8, `${best}`);
  // The first axis is a hundred times as long as the last.
  const [first, last] = [noise.covariance[0], noise.covariance[35]];
  assert.ok(first / last > 1000, `${first / last}`);
});

Deno.test("adapted noise keeps only a diagonal above LARGEST_FULL parameters", () => {
  const size = LARGEST_FULL + 1;
  assert.equal(createAdaptedNoise(size).covariance.length, size);
  assert.equal(createAdaptedNoise(LARGEST_FULL).covariance.length, LARGEST_FULL ** 2);
  const { best } = search(size, { cost: sphere, cycles: 400 });
  assert.ok(best < 0.1 * 9 * size, `${best}`);
});
