import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Activation,
  createPolicyKernel,
  type Skip,
} from "../../../lib/kernels/policy_kernel.ts";
import { forwardReference } from "./policy_reference.ts";

/** Lengths that cover no, one and two wide panels, each with every tail. */
const MAX_LENGTH = 70;
/** The kernel's promise for one tanh, absolute. */
const TANH_ERROR = 3.5e-7;

/** A multiplicative congruential generator (Lehmer, 48271 mod 2^31 - 1), uniform on (-1, 1). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  };
}

function countParameters(sizes: readonly number[], skip: Skip = "none"): number {
  const seen = skip === "linear" && sizes.length > 2 ? sizes[0] * sizes[sizes.length - 1] : 0;
  return sizes.slice(1).reduce((sum, outputs, i) => sum + outputs * (sizes[i] + 1), seen);
}

/** Runs kernel and reference on the same random numbers and returns both outputs. */
function runBoth(
  sizes: readonly number[],
  activation: Activation = "tanh",
  skip: Skip = "none",
): { actual: Float64Array; expected: Float64Array } {
  const random = uniform(1 + sizes.reduce((sum, size) => sum * 71 + size, 0) % 1_000_003);
  const parameters = new Float32Array(countParameters(sizes, skip)).map(random);
  const observation = new Float64Array(sizes[0]).map(() => 3 * random());
  const kernel = createPolicyKernel(sizes, activation, skip);
  assert.equal(kernel.parameterCount, parameters.length);
  kernel.load(parameters);
  const actual = new Float64Array(sizes[sizes.length - 1]).fill(NaN);
  kernel.forward(observation, actual);
  const policy = { sizes, parameters, activation, skip };
  return { actual, expected: forwardReference(policy, observation) };
}

/** Asserts that no number is farther from the other array's than `tolerance`. */
function assertClose(actual: Float64Array, expected: Float64Array, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    assert.ok(error <= tolerance, `output ${i} is ${actual[i]}, expected ${expected[i]}`);
  }
}

Deno.test("forwardReference() gives the numbers worked out by hand", () => {
  // h = tanh(0.5 + 1 - 1) = tanh(0.5); y = 2 h - 1.
  const output = forwardReference(
    { sizes: [2, 1, 1], parameters: Float32Array.of(1, -1, 0.5, 2, -1) },
    Float64Array.of(1, 1),
  );
  assert.equal(output[0], Math.fround(Math.fround(2 * Math.fround(Math.tanh(0.5))) - 1));
});

Deno.test("forwardReference() rectifies where it is told to", () => {
  // h = max([0.5, -0.5], 0) = [0.5, 0]; y = 2 h0 + 7 h1 - 3 = -2, which is not rectified.
  const output = forwardReference(
    { sizes: [0, 2, 1], parameters: Float32Array.of(0.5, -0.5, 2, 7, -3), activation: "relu" },
    new Float64Array(0),
  );
  assert.deepEqual([...output], [-2]);
});

Deno.test("forward() of a linear policy equals the plain loops bit for bit for every length", () => {
  for (let length = 0; length <= MAX_LENGTH; length++) {
    for (const other of [0, 1, 2, 3, 5, 8, 11, 31, 32, 33, 64, 70]) {
      for (const sizes of [[length, other], [other, length]]) {
        const { actual, expected } = runBoth(sizes);
        assert.deepEqual(actual, expected, `sizes ${sizes}`);
      }
    }
  }
});

Deno.test("forward() with hidden layers equals the plain loops for every length", () => {
  for (let length = 0; length <= MAX_LENGTH; length++) {
    for (
      const sizes of [[length, 32, 3], [5, length, 2], [4, 33, length], [3, length, length, 9]]
    ) {
      const { actual, expected } = runBoth(sizes);
      // Weights below 1 and at most two hidden layers of 70: an error of tanh grows by 70^2.
      assertClose(actual, expected, 2e-4);
      const rectified = runBoth(sizes, "relu");
      assert.deepEqual(rectified.actual, rectified.expected, `sizes ${sizes}`);
    }
  }
});

Deno.test("forward() with a skip connection equals the plain loops for every length", () => {
  for (let length = 0; length <= MAX_LENGTH; length++) {
    for (
      const sizes of [[length, 32, 3], [5, length, 2], [4, 33, length], [3, length, length, 9]]
    ) {
      const rectified = runBoth(sizes, "relu", "linear");
      assert.deepEqual(rectified.actual, rectified.expected, `sizes ${sizes}`);
    }
  }
  const linear = runBoth([7, 3], "tanh", "linear");
  assert.deepEqual(linear.actual, linear.expected, "a linear policy has none");
});

Deno.test("forward() sees the next observation through the skip connection, not the last one", () => {
  // One input, one ReLU unit, one output: 2 relu(x) + 10 x + 0.5.
  const kernel = createPolicyKernel([1, 1, 1], "relu", "linear");
  kernel.load(Float32Array.of(1, 0, 2, 10, 0.5));
  const output = new Float64Array(1);
  const answers = [3, -3, 0].map((x) => {
    kernel.forward(Float64Array.of(x), output);
    return output[0];
  });
  assert.deepEqual(answers, [36.5, -29.5, 0.5]);
});

Deno.test("forward() equals the plain loops for policies as they are trained", () => {
  for (const sizes of [[11, 256, 256, 3], [4, 32, 32, 1], [17, 64, 64, 6], [105, 100, 50, 8]]) {
    const parameterCount = countParameters(sizes);
    const random = uniform(parameterCount);
    const parameters = new Float32Array(parameterCount).map(() => 0.1 * random());
    const kernel = createPolicyKernel(sizes);
    kernel.load(parameters);
    const observation = new Float64Array(sizes[0]).map(random);
    const output = new Float64Array(sizes[sizes.length - 1]);
    kernel.forward(observation, output);
    assertClose(output, forwardReference({ sizes, parameters }, observation), 1e-6);
  }
});

Deno.test("forward() equals the plain loops on random networks", () => {
  const size = fc.integer({ min: 0, max: MAX_LENGTH });
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 2, maxLength: 5 }),
      (sizes) => {
        // One layer is exact; an error of tanh grows by up to 70 in every further one.
        const { actual, expected } = runBoth(sizes);
        assertClose(actual, expected, sizes.length > 2 ? 1e-3 : 0);
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

/**
 * Makes a function that computes tanh of `width` numbers that are not NaN unless there is one alone: a
 * hidden layer without inputs whose biases they are, then the identity.
 */
function tanhOf(width: number): (inputs: Float32Array) => Float64Array {
  const kernel = createPolicyKernel([0, width, width]);
  const parameters = new Float32Array(width + width * width + width);
  for (let i = 0; i < width; i++) parameters[width + i * width + i] = 1;
  const output = new Float64Array(width);
  return (inputs) => {
    parameters.set(inputs);
    kernel.load(parameters);
    kernel.forward(new Float64Array(0), output);
    return output;
  };
}

Deno.test("forward() keeps tanh within its error bound over float32", () => {
  // Every 4,001st bit pattern of float32, a few at a time.
  const patterns = new Uint32Array(Math.floor(2 ** 32 / 4001)).map((_, i) => i * 4001);
  const inputs = new Float32Array(patterns.buffer).filter((value) => !Number.isNaN(value));
  const width = 64;
  const tanh = tanhOf(width);
  let worst = 0;
  for (let start = 0; start < inputs.length; start += width) {
    const batch = inputs.subarray(start, start + width);
    const output = tanh(batch);
    batch.forEach((value, i) => worst = Math.max(worst, Math.abs(output[i] - Math.tanh(value))));
  }
  assert.ok(worst <= TANH_ERROR, `worst error ${worst}`);
});

Deno.test("forward() gives tanh its sign, its limits and NaN where they belong", () => {
  const inputs = Float32Array.of(0, Infinity, -Infinity, 1e-40, -1e-40, 20, -20);
  const output = tanhOf(inputs.length)(inputs);
  const limit = Math.abs(output[1]);
  assert.ok(limit <= 1 && limit > 1 - TANH_ERROR);
  const tiny = Math.fround(1e-40);
  assert.deepEqual([...output], [0, limit, -limit, tiny, -tiny, limit, -limit]);
  assert.deepEqual([...tanhOf(1)(Float32Array.of(NaN))], [NaN]);
});

Deno.test("forward() of a ReLU policy keeps a NaN, so that nobody takes it for a 0", () => {
  const kernel = createPolicyKernel([0, 5, 1], "relu");
  kernel.load(Float32Array.of(0, -1, 2, NaN, 0, 1, 1, 1, 1, 1, 0));
  const output = new Float64Array(1);
  kernel.forward(new Float64Array(0), output);
  assert.ok(Number.isNaN(output[0]));
});

Deno.test("load() replaces the policy and kernels do not share memory", () => {
  const first = createPolicyKernel([1, 1]);
  const second = createPolicyKernel([1, 1]);
  const output = new Float64Array(1);
  first.forward(Float64Array.of(1), output);
  assert.equal(output[0], 0);
  first.load(Float32Array.of(2, 0));
  first.load(Float32Array.of(3, 1));
  second.load(Float32Array.of(5, 0));
  first.forward(Float64Array.of(1), output);
  assert.equal(output[0], 4);
  second.forward(Float64Array.of(1), output);
  assert.equal(output[0], 5);
});

Deno.test("createPolicyKernel() rejects sizes that are no network", () => {
  assert.throws(() => createPolicyKernel([3]), {
    name: "TypeError",
    message: "Cannot create policy kernel: sizes must name the inputs and the outputs, got [3]",
  });
  assert.throws(() => createPolicyKernel([3, 1.5]), {
    name: "RangeError",
    message: "Cannot create policy kernel: sizes must be non-negative integers, got 1.5",
  });
  assert.throws(() => createPolicyKernel([3, -1]), RangeError);
  assert.throws(() => createPolicyKernel([1e6, 1e6]), {
    name: "RangeError",
    message: "Cannot create policy kernel: sizes must fit 2147483648 bytes, got [1000000,1000000]",
  });
});

Deno.test("load() and forward() reject arrays of the wrong length", () => {
  const kernel = createPolicyKernel([2, 1]);
  assert.equal(kernel.parameterCount, 3);
  assert.throws(() => kernel.load(new Float32Array(2)), {
    name: "TypeError",
    message: "Cannot load policy: parameters must have length 3, got 2",
  });
  assert.throws(() => kernel.forward(new Float64Array(1), new Float64Array(1)), {
    name: "TypeError",
    message: "Cannot run policy: observation must have length 2, got 1",
  });
  assert.throws(() => kernel.forward(new Float64Array(2), new Float64Array(2)), {
    name: "TypeError",
    message: "Cannot run policy: output must have length 1, got 2",
  });
});
