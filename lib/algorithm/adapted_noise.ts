/**
 * Exploration noise that adapts its size and its shape: covariance matrix adaptation (Hansen, "The CMA
 * Evolution Strategy: A Tutorial", arXiv 1604.00772, equations in brackets).
 *
 * The episodes of a cycle start alike and differ by their noise alone, so their order says which directions
 * help, however much returns vary from start to start and whatever they are measured in. The generator is
 * fitted to the better half with the shares of `winnerShares`; here the same half turns and stretches the
 * noise. Directions come in mirrored pairs, which take the part of the return that all share out of the sum.
 *
 * Up to `LARGEST_FULL` parameters the whole covariance matrix adapts, above only its diagonal (Ros and Hansen
 * 2008): a full matrix would cost P^2 memory and P^3 time, and P^2 episodes to learn.
 *
 * P counts the weights that one noise moves, a part of the policy (`explored` in lib/algorithm/run.ts). All vectors
 * are in generator order and in units of each weight's natural size, 1 / sqrt(fan-in + 1).
 */

import type { Rng } from "../numbers/rng.ts";

/** What the noise has learnt so far. */
export interface AdaptedNoise {
  /** The size of the noise, sigma: the deviation of a unit's input, where the covariance is the identity. */
  sigma: number;
  /** The largest that it may be. */
  largest: number;
  /** Cycles that it has adapted to. */
  cycles: number;
  /** Where the generator's policy has been going, without scale: p_sigma, [P]. */
  readonly sizePath: Float64Array;
  /** Where it has been going: p_c, [P]. */
  readonly shapePath: Float64Array;
  /** The covariance C: a full matrix [P, P], row-major, or its diagonal [P]. */
  readonly covariance: Float64Array;
}

/** One direction of the noise. */
export interface Direction {
  /** The standard normal numbers that it was made of: z, [P]. */
  readonly normal: Float64Array;
  /** z with the learnt shape: y = A z with A A' = C, [P]. */
  readonly shaped: Float64Array;
}

/** Noise in at most so many weights has a full covariance matrix: 0.5 MB and some milliseconds a cycle. */
export const LARGEST_FULL = 256;

/**
 * The size at the start: random policies then drive a unit with a deviation of 0.35, which hardly bends tanh. With twice
 * that returns differ most from seed to seed (tests/experiments/NOTEBOOK.md, "the first size of the noise"). Noise never
 * grows beyond it: larger policies act the same, only harder, and the way between them becomes long.
 */
const FIRST_SIGMA = 0.35;

/** Creates noise that has learnt nothing, for P weights. */
export function createAdaptedNoise(
  parameterCount: number,
  largest: number = FIRST_SIGMA,
): AdaptedNoise {
  const isFull = parameterCount <= LARGEST_FULL;
  const covariance = new Float64Array(isFull ? parameterCount ** 2 : parameterCount);
  const stride = isFull ? parameterCount + 1 : 1;
  for (let i = 0; i < covariance.length; i += stride) covariance[i] = 1;
  return {
    sigma: largest,
    largest,
    cycles: 0,
    sizePath: new Float64Array(parameterCount),
    shapePath: new Float64Array(parameterCount),
    covariance,
  };
}

/**
 * Shares of the better half of a cycle, best first (49): log((n + 1) / 2) - log(rank), made to sum to 1.
 * @param count episodes of the cycle, n
 */
export function winnerShares(count: number): Float64Array {
  const winners = Math.floor(count / 2);
  const raw = Float64Array.from(
    { length: winners },
    (_, i) => Math.log((count + 1) / 2) - Math.log(i + 1),
  );
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
}

/** Draws directions, every other the mirror image of the one before: `count` / 2 times P normal numbers. */
export function drawDirections(noise: AdaptedNoise, rng: Rng, count: number): Direction[] {
  const size = noise.sizePath.length;
  const shape = shaper(noise);
  const directions: Direction[] = [];
  while (directions.length < count) {
    const normal = Float64Array.from({ length: size }, () => rng.standardNormal());
    const shaped = shape(normal);
    directions.push({ normal, shaped }, {
      normal: normal.map((value) => -value),
      shaped: shaped.map((value) => -value),
    });
  }
  return directions.slice(0, count);
}

/** Gives z -> A z for the present covariance. */
function shaper({ covariance, sizePath: { length: size } }: AdaptedNoise) {
  if (covariance.length === size) {
    const deviations = covariance.map(Math.sqrt);
    return (normal: Float64Array) => normal.map((value, i) => deviations[i] * value);
  }
  const lower = cholesky(covariance, size);
  return (normal: Float64Array) =>
    normal.map((_, i) => {
      let sum = 0;
      for (let j = 0; j <= i; j++) sum += lower[i * size + j] * normal[j];
      return sum;
    });
}

/** Rounding must not make a variance vanish. */
const LEAST_VARIANCE = 1e-12;

/** The lower triangle A with A A' = C, [P, P] row-major. */
function cholesky(matrix: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j];
      for (let k = 0; k < j; k++) sum -= lower[i * size + k] * lower[j * size + k];
      lower[i * size + j] = i === j
        ? Math.sqrt(Math.max(sum, LEAST_VARIANCE))
        : sum / lower[j * size + j];
    }
  }
  return lower;
}

/**
 * Adapts the noise to the directions of the better half of a cycle.
 * @param winners best first
 * @param shares how much each counts; they sum to 1
 */
export function adaptNoise(
  noise: AdaptedNoise,
  winners: readonly Direction[],
  shares: ArrayLike<number>,
): void {
  const { sizePath, shapePath } = noise;
  const size = sizePath.length;
  const rates = learningRates(size, shares);
  const mean = (part: keyof Direction) =>
    Float64Array.from(
      { length: size },
      (_, i) =>
        winners.reduce((sum, direction, rank) => sum + shares[rank] * direction[part][i], 0),
    );
  noise.cycles++;
  moveBy(sizePath, mean("normal"), { rate: rates.sizePath, mass: rates.mass }); // (31)
  const length = Math.sqrt(sizePath.reduce((sum, value) => sum + value * value, 0));
  // The mean length of a standard normal vector: what the path has when nothing is to be learnt.
  const expected = Math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size * size));
  const unbiased = length / Math.sqrt(1 - (1 - rates.sizePath) ** (2 * noise.cycles));
  // A path that is long because sigma is too small must not stretch the covariance. (45)
  const isSteady = unbiased / expected < 1.4 + 2 / (size + 1);
  moveBy(shapePath, isSteady ? mean("shaped") : new Float64Array(size), {
    rate: rates.shapePath,
    mass: rates.mass,
  });
  turn(noise, { winners, shares, rates });
  noise.sigma *= Math.exp(rates.sizePath / rates.damping * (length / expected - 1)); // (44)
  noise.sigma = Math.min(noise.sigma, noise.largest / deviationOf(noise));
}

/** The mean deviation of a weight's noise, sigma apart. */
function deviationOf({ covariance, sizePath: { length: size } }: AdaptedNoise): number {
  const stride = covariance.length === size ? 1 : size + 1;
  let sum = 0;
  for (let i = 0; i < covariance.length; i += stride) sum += covariance[i];
  return Math.sqrt(sum / size);
}

interface LearningRates {
  /** The number of equal shares that would vary as much: mu_eff. */
  readonly mass: number;
  /** c_sigma. */
  readonly sizePath: number;
  /** c_c. */
  readonly shapePath: number;
  /** c_1: how fast the covariance follows the path. */
  readonly one: number;
  /** c_mu: how fast it follows the winners. */
  readonly many: number;
  /** d_sigma. */
  readonly damping: number;
}

/** The tutorial's rates (table 1); for a diagonal faster by (P + 2) / 3, since it has less to learn. */
function learningRates(size: number, shares: ArrayLike<number>): LearningRates {
  const mass = 1 / Array.from(shares).reduce((sum, share) => sum + share * share, 0);
  const sizePath = (mass + 2) / (size + mass + 5);
  const speed = size <= LARGEST_FULL ? 1 : (size + 2) / 3;
  const one = Math.min(1, speed * 2 / ((size + 1.3) ** 2 + mass));
  return {
    mass,
    sizePath,
    shapePath: (4 + mass / size) / (size + 4 + 2 * mass / size),
    one,
    many: Math.min(1 - one, speed * 2 * (mass - 2 + 1 / mass) / ((size + 2) ** 2 + mass)),
    damping: 1 + 2 * Math.max(0, Math.sqrt((mass - 1) / (size + 1)) - 1) + sizePath,
  };
}

/** Lets a path fade and adds a step, so that random steps keep its length. */
function moveBy(
  path: Float64Array,
  step: Float64Array,
  { rate, mass }: { rate: number; mass: number },
): void {
  const gain = Math.sqrt(rate * (2 - rate) * mass);
  for (let i = 0; i < path.length; i++) path[i] = (1 - rate) * path[i] + gain * step[i];
}

/** Moves the covariance towards the path and the winners (47). */
function turn(
  { covariance, shapePath }: AdaptedNoise,
  { winners, shares, rates: { one, many } }: {
    winners: readonly Direction[];
    shares: ArrayLike<number>;
    rates: LearningRates;
  },
): void {
  const size = shapePath.length;
  const target = (i: number, j: number): number =>
    one * shapePath[i] * shapePath[j] +
    many * winners.reduce((sum, { shaped }, rank) => sum + shares[rank] * shaped[i] * shaped[j], 0);
  const kept = 1 - one - many;
  if (covariance.length === size) {
    for (let i = 0; i < size; i++) covariance[i] = kept * covariance[i] + target(i, i);
    return;
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const value = kept * covariance[i * size + j] + target(i, j);
      covariance[i * size + j] = value;
      covariance[j * size + i] = value;
    }
  }
}
