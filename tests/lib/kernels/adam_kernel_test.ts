import assert from "node:assert/strict";
import { adamScalars } from "../../../lib/autodiff/adam.ts";
import { createAdamKernel } from "../../../lib/kernels/adam_kernel.ts";
import { type AdamArrays, adamReference } from "./adam_reference.ts";

const OPTIONS = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** A multiplicative congruential generator (Lehmer, 48271 mod 2^31 - 1), uniform on (-1, 1). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  };
}

function copyArrays(arrays: AdamArrays): AdamArrays {
  return {
    weights: arrays.weights.slice(),
    momentum: arrays.momentum.slice(),
    variance: arrays.variance.slice(),
    gradients: arrays.gradients.slice(),
  };
}

Deno.test("adamReference() gives the numbers worked out by hand", () => {
  // m = 0.5 * 4 + 2 = 4; v = 0.25 * 48 + 2^2 = 16; w = 3 - 0.5 * 4 / (4 + 4) = 2.75.
  const arrays = {
    weights: Float32Array.of(3),
    momentum: Float32Array.of(4),
    variance: Float32Array.of(48),
    gradients: Float32Array.of(2),
  };
  adamReference(arrays, { stepSize: 0.5, epsilon: 4, beta1: 0.5, beta2: 0.25 });
  assert.deepEqual([arrays.momentum[0], arrays.variance[0], arrays.weights[0]], [4, 16, 2.75]);
});

Deno.test("adamReference() follows the textbook's Adam with adamScalars()", () => {
  // Kingma & Ba 2015, algorithm 1, in float64; the reference rounds to float32.
  const arrays = {
    weights: Float32Array.of(0.5),
    momentum: new Float32Array(1),
    variance: new Float32Array(1),
    gradients: new Float32Array(1),
  };
  const { learningRate, beta1, beta2, epsilon } = OPTIONS;
  let [w, m, v] = [0.5, 0, 0];
  for (let t = 1; t <= 20; t++) {
    const g = Math.sin(t);
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    w -= learningRate * m / (1 - beta1 ** t) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
    arrays.gradients[0] = g;
    adamReference(arrays, { ...adamScalars(t, OPTIONS), beta1, beta2 });
  }
  assert.ok(Math.abs(arrays.weights[0] - w) < 1e-6, `${arrays.weights[0]} against ${w}`);
});

Deno.test("step() equals the plain loops bit for bit for every length", () => {
  for (let length = 0; length <= 70; length++) {
    const random = uniform(length + 1);
    const kernel = createAdamKernel(length);
    for (let i = 0; i < length; i++) kernel.weights[i] = random();
    const expected = copyArrays(kernel);
    for (let t = 1; t <= 5; t++) {
      // Magnitudes from 1 down to 1e-36, so that both limits are crossed, and some zeros.
      for (let i = 0; i < length; i++) {
        kernel.gradients[i] = i % 7 === 3 ? 0 : random() * 10 ** (-18 - 18 * random());
      }
      expected.gradients.set(kernel.gradients);
      const step = { ...adamScalars(t, OPTIONS), beta1: 0.9, beta2: 0.999 };
      kernel.step(step);
      adamReference(expected, step);
      for (const name of ["weights", "momentum", "variance", "gradients"] as const) {
        assert.deepEqual(kernel[name], expected[name], `${name}, length ${length}, step ${t}`);
      }
    }
  }
});

Deno.test("step() lets the moments of a silent unit end at 0 and keeps NaN", () => {
  const kernel = createAdamKernel(2);
  kernel.momentum.set([1e-29, 0]);
  kernel.variance.set([1e-29, 0]);
  kernel.gradients.set([1e-20, NaN]);
  for (let i = 0; i < 50; i++) kernel.step({ stepSize: 1, epsilon: 1, beta1: 0.9, beta2: 0.9 });
  assert.deepEqual([...kernel.momentum], [0, NaN]);
  assert.deepEqual([...kernel.variance], [0, NaN]);
  assert.ok(Number.isNaN(kernel.weights[1]));
});

Deno.test("createAdamKernel() rejects a count that is none or too large", () => {
  for (const count of [-1, 0.5, 2 ** 27 + 1]) {
    assert.throws(() => createAdamKernel(count), {
      name: "RangeError",
      message:
        `Cannot create Adam kernel: count must be an integer from 0 to 134217728, got ${count}`,
    });
  }
});
