/** Every gradient rule in float64 against differences, and the checker against wrong rules. */

import assert from "node:assert/strict";
import { gradients } from "../../../lib/autodiff/backward.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { OpName } from "../../../lib/autodiff/node.ts";
import { OPS } from "../../../lib/autodiff/ops.ts";
import type { Rule } from "../../../lib/autodiff/rule.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { CASE_BINDINGS, drawInput, nameInputs, OP_CASES, type OpCase } from "./op_cases.ts";

const FLOAT64 = { dtype: "float64" } as const;
const DIFFERENCE_STEP = 1e-5;
/** Central differences of step 1e-5 are good to about 1e-10 here; a wrong rule is off by 1e-3. */
const TOLERANCE = 1e-7;

const isFloat = (input: OpCase["inputs"][number]): boolean =>
  !("dtype" in input) || input.dtype === "float32";

/** Compares <u, J v> by differences with <v, J^T u> by the rules: the relative error. */
function gradientError({ inputs, compute, range }: OpCase, seed: number): number {
  const bindings = CASE_BINDINGS[0];
  const rng = Rng.fromSeed(seed);
  const named = nameInputs(inputs);
  const plain = trace(named, (x) => ({ y: compute(...Object.values(x)) }));
  const floats = Object.keys(named).filter((name) => isFloat(named[name]));
  const seeded: typeof named = { ...named, u: plain.outputs.y.shape };
  const backward = trace(seeded, ({ u, ...x }) => {
    const loss = t.sum(t.mul(compute(...Object.values(x)), u));
    const slopes = gradients(loss, floats.map((name) => x[name]));
    return Object.fromEntries(floats.map((name, i) => [`d${name}`, slopes[i]]));
  });
  const draw = (input: OpCase["inputs"][number], drawn = range) =>
    drawInput({ input, range: drawn, bindings }, rng);
  const x = Object.fromEntries(Object.entries(named).map(([name, input]) => [name, draw(input)]));
  const v = Object.fromEntries(floats.map((name) => [name, draw(named[name], [-1, 1])]));
  const u = draw(plain.outputs.y.shape, [0.5, 1]);
  const moved = (step: number): Float64Array => {
    const at = Object.fromEntries(
      Object.entries(x).map(([name, { data, shape }]) => {
        const direction = v[name]?.data;
        return [name, {
          data: direction ? data.map((value, i) => value + step * direction[i]) : data,
          shape,
        }];
      }),
    );
    return interpret(plain, at, FLOAT64).y.data as Float64Array;
  };
  const [ahead, behind] = [moved(DIFFERENCE_STEP), moved(-DIFFERENCE_STEP)];
  let forward = 0;
  ahead.forEach((value, i) => {
    forward += u.data[i] * (value - behind[i]) / (2 * DIFFERENCE_STEP);
  });
  const slopes = interpret(backward, { ...x, u }, FLOAT64);
  let reverse = 0;
  for (const name of floats) {
    assert.deepEqual(slopes[`d${name}`].shape, x[name].shape);
    v[name].data.forEach((value, i) => reverse += value * Number(slopes[`d${name}`].data[i]));
  }
  return Math.abs(forward - reverse) / Math.max(Math.abs(forward), Math.abs(reverse), 1e-3);
}

function worstError(op: OpName): number {
  const differentiable = OP_CASES[op].filter(({ inputs, compute }) =>
    trace(nameInputs(inputs), (x) => ({ y: compute(...Object.values(x)) })).outputs.y.dtype ===
      "float32"
  );
  return Math.max(0, ...differentiable.map((each, i) => gradientError(each, i)));
}

/** Swaps one op's row of the table for the time of a call. */
function withRule<N extends OpName, T>(op: N, rule: Partial<Rule<N>>, action: () => T): T {
  const table = OPS as { [K in OpName]: Rule<K> };
  const original = table[op];
  table[op] = { ...original, ...rule } as typeof original;
  try {
    return action();
  } finally {
    table[op] = original;
  }
}

for (const op of Object.keys(OPS) as OpName[]) {
  Deno.test(`gradients() are the transposed Jacobian of ${op}`, () => {
    const error = worstError(op);
    assert.ok(error < TOLERANCE, `relative error ${error}`);
  });
}

function rejects<N extends OpName>(op: N): void {
  const { vjp } = OPS[op];
  if (vjp === null) return;
  const wrong: Rule<N>["vjp"] = (node, cotangent, input) =>
    t.mul(vjp(node, cotangent, input), 1.001);
  // Where other ops' gradients use this op the error would also show there; its own must do.
  const error = withRule(op, { vjp: wrong }, () => worstError(op));
  assert.ok(error > 100 * TOLERANCE, `a wrong rule passes with error ${error}`);
}

Deno.test("the gradient checker rejects every rule that is wrong by 0.1 %", () => {
  for (const op of Object.keys(OPS) as OpName[]) rejects(op);
});

Deno.test("the gradient checker rejects a rule that forgets one of two inputs", () => {
  const { vjp } = OPS.sub;
  const forgetful: typeof vjp = (node, cotangent, input) =>
    t.mul(vjp!(node, cotangent, input), 1 - input);
  assert.ok(withRule("sub", { vjp: forgetful }, () => worstError("sub")) > 0.01);
});

Deno.test("gradients() of a two-layer network are those worked by hand", () => {
  // x = [1, -1], W = [[1, 2], [3, 1]], so W x = [-1, 2], relu = [0, 2], loss = 0 + 2 * 2 = 4.
  // dloss/dh = 2 relu = [0, 4], through relu [0, 4]; dW = dh x^T = [[0, 0], [4, -4]]; dx = W^T dh.
  const graph = trace({ x: [1, 2], w: [2, 2] }, ({ x, w }) => {
    const loss = t.sum(t.square(t.relu(t.matmul(x, w, { transposeB: true }))));
    const [dx, dw] = gradients(loss, [x, w]);
    return { loss, dx, dw };
  });
  const { loss, dx, dw } = interpret(graph, {
    x: { data: [1, -1], shape: [1, 2] },
    w: { data: [1, 2, 3, 1], shape: [2, 2] },
  });
  assert.deepEqual([...loss.data], [4]);
  assert.deepEqual([...dw.data], [0, 0, 4, -4]);
  assert.deepEqual([...dx.data], [12, 4]);
});

Deno.test("gradients() have gradients: the third derivative of x^4 is 24 x", () => {
  const graph = trace({ x: [] }, ({ x }) => {
    const [first] = gradients(t.square(t.square(x)), [x]);
    const [second] = gradients(first, [x]);
    const [third] = gradients(second, [x]);
    return { first, second, third };
  });
  const { first, second, third } = interpret(graph, { x: { data: [2], shape: [] } });
  assert.deepEqual([first, second, third].map(({ data }) => Number(data[0])), [32, 48, 48]);
});

Deno.test("gradients() have right gradients when the function is a network", () => {
  const inner: OpCase = {
    inputs: [["B", 3], [4, 3], [4]],
    compute: (x, w, b) => {
      const loss = t.mean(t.square(t.tanh(t.linear(x, w, b))));
      return gradients(t.mul(t.exp(loss), t.sum(t.exp(w))), [w])[0];
    },
  };
  assert.ok(gradientError(inner, 1) < TOLERANCE);
});

Deno.test("gradients() stop at intermediate tensors, so update steps can be unrolled", () => {
  // w1 = w - 0.1 * 2 w = 0.8 w and w2 = 0.8 w1: what lies before a leaf is constant.
  const graph = trace({ w: [] }, ({ w }) => {
    let weight = w;
    for (let step = 0; step < 2; step++) {
      const [slope] = gradients(t.square(weight), [weight]);
      weight = t.sub(weight, t.mul(slope, 0.1));
    }
    return { weight };
  });
  const { weight } = interpret(graph, { w: { data: [1], shape: [] } }, FLOAT64);
  assert.ok(Math.abs(Number(weight.data[0]) - 0.64) < 1e-15);
});

Deno.test("gradients() are zero for a tensor that the loss does not depend on", () => {
  const graph = trace({ x: [], y: ["B", 2] }, ({ x, y }) => {
    const [dy, di] = gradients(t.square(x), [y, t.heaviside(x)]);
    return { dy, di };
  });
  const { dy } = interpret(graph, {
    x: { data: [3], shape: [] },
    y: { data: [1, 2], shape: [1, 2] },
  });
  assert.deepEqual([...dy.data], [0, 0]);
});

Deno.test("gradients() reject a loss that is not one number, and foreign tensors", () => {
  trace({ x: ["B"] }, ({ x }) => {
    assert.throws(() => gradients(x, [x]), {
      name: "TypeError",
      message: "Cannot take gradients: the loss must be one traced float32 number, got float32[B]",
    });
    assert.throws(() => gradients(t.constant(1), [x]), /one traced float32 number/);
    trace({ z: [] }, ({ z }) => {
      assert.throws(() => gradients(t.sum(x), [z]), {
        name: "TypeError",
        message:
          "Cannot use tensor: it must belong to the graph being traced, got input of another",
      });
      return {};
    });
    return {};
  });
});
