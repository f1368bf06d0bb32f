/** Adam's traced step against the algorithm as printed, in float64. */

import assert from "node:assert/strict";
import { type AdamOptions, adamScalars, adamStep } from "../../../lib/autodiff/adam.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import { Rng } from "../../../lib/numbers/rng.ts";

const OPTIONS: AdamOptions = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SIZE = 12;

/** Algorithm 1 of the paper, line by line, for one weight. */
function plainAdam(start: number, slopes: readonly number[], options: AdamOptions): number[] {
  const { learningRate, beta1, beta2, epsilon } = options;
  let [weight, m, v] = [start, 0, 0];
  return slopes.map((slope, i) => {
    const t = i + 1;
    m = beta1 * m + (1 - beta1) * slope;
    v = beta2 * v + (1 - beta2) * slope * slope;
    const corrected = { m: m / (1 - beta1 ** t), v: v / (1 - beta2 ** t) };
    weight -= learningRate * corrected.m / (Math.sqrt(corrected.v) + epsilon);
    return weight;
  });
}

/** The traced step as a graph of a [3, 4] weight. */
function traceStep({ beta1, beta2 }: AdamOptions) {
  const shape = [3, 4];
  const inputs = { weight: shape, momentum: shape, variance: shape, gradient: shape };
  return trace(
    { ...inputs, stepSize: [], epsilon: [] },
    (tensors) => ({ ...adamStep({ ...tensors, beta1, beta2 }) }),
  );
}

/** Runs the traced step over a list of gradients [SIZE]; gives the weights after each. */
function runTraced(start: Float64Array, slopes: readonly Float64Array[], options: AdamOptions) {
  const graph = traceStep(options);
  const tensor = (data: ArrayLike<number>) => ({ data: Float64Array.from(data), shape: [3, 4] });
  const zeros = new Float64Array(SIZE);
  let state = { weight: tensor(start), momentum: tensor(zeros), variance: tensor(zeros) };
  return slopes.map((slope, i) => {
    const { stepSize, epsilon } = adamScalars(i + 1, options);
    const { weight, momentum, variance } = interpret(graph, {
      ...state,
      gradient: tensor(slope),
      stepSize: { data: [stepSize], shape: [] },
      epsilon: { data: [epsilon], shape: [] },
    }, { dtype: "float64" });
    const float = (data: ArrayLike<number> | ArrayLike<bigint>) =>
      tensor(Float64Array.from({ length: SIZE }, (_, k) => Number(data[k])));
    state = {
      weight: float(weight.data),
      momentum: float(momentum.data),
      variance: float(variance.data),
    };
    return state.weight.data;
  });
}

function worstDifference(options: AdamOptions, traced: AdamOptions): number {
  const rng = Rng.fromSeed(5);
  const draw = (scale: number): Float64Array => {
    const data = new Float64Array(SIZE);
    rng.fillStandardNormal(data);
    return data.map((value) => value * scale);
  };
  const start = draw(1);
  // Gradients over many magnitudes, so that epsilon matters for some and not for others.
  const slopes = Array.from({ length: 50 }, (_, i) => draw(10 ** -(i % 10)));
  const actual = runTraced(start, slopes, traced);
  let worst = 0;
  for (let k = 0; k < SIZE; k++) {
    const expected = plainAdam(start[k], slopes.map((slope) => slope[k]), options);
    expected.forEach((weight, i) => {
      worst = Math.max(worst, Math.abs(weight - actual[i][k]));
    });
  }
  return worst;
}

Deno.test("adamStep() moves every weight by the learning rate at the first step", () => {
  // m / (sqrt(v) + epsilon) = g / (|g| + 1e-8) after both bias corrections.
  const slopes = [Float64Array.from({ length: SIZE }, (_, i) => i % 2 === 0 ? 3 : -0.5)];
  const [weights] = runTraced(new Float64Array(SIZE), slopes, OPTIONS);
  weights.forEach((weight, i) =>
    assert.ok(Math.abs(weight - (i % 2 === 0 ? -0.01 : 0.01)) < 1e-9, `${weight}`)
  );
});

Deno.test("adamStep() equals the paper's algorithm over 50 steps", () => {
  assert.ok(worstDifference(OPTIONS, OPTIONS) < 1e-14);
  const other = { learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-3 };
  assert.ok(worstDifference(other, other) < 1e-14);
});

Deno.test("the comparison with Adam rejects constants that are off by 0.1 %", () => {
  for (const key of ["learningRate", "beta1", "beta2"] as const) {
    const wrong = { ...OPTIONS, [key]: OPTIONS[key] * 0.999 };
    assert.ok(worstDifference(OPTIONS, wrong) > 1e-6, key);
  }
  assert.ok(worstDifference(OPTIONS, { ...OPTIONS, epsilon: 2e-8 }) > 1e-10);
});

Deno.test("adamStep() takes ten passes over the weights", () => {
  const passes = traceStep(OPTIONS).nodes.filter(({ op, shape }) =>
    op !== "input" && shape.length === 2
  );
  assert.equal(passes.length, 10);
});

Deno.test("adamScalars() rejects steps that are not counted from 1", () => {
  for (const step of [0, -1, 1.5, NaN]) {
    assert.throws(() => adamScalars(step, OPTIONS), {
      name: "RangeError",
      message: `Cannot compute Adam scalars: step must be a positive integer, got ${step}`,
    });
  }
});
