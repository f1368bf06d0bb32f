/** Every loss on two rows worked by hand. */

import { gradients } from "../../../lib/autodiff/backward.ts";
import { trace } from "../../../lib/autodiff/graph.ts";
import { interpret } from "../../../lib/autodiff/interpret.ts";
import type { Tensor } from "../../../lib/autodiff/node.ts";
import {
  actionError,
  squaredError,
  standardNormalDivergence,
  summedSquaredError,
} from "../../../lib/autodiff/losses.ts";
import { assertAllClose, assertClose } from "../../support/close.ts";

/** Two policies of three parameters, drawn three times and once. */
const ROWS = {
  generated: { data: [1, 2, 3, 0, 0, 0], shape: [2, 3] },
  targets: { data: [1, 0, 2, 3, 0, -1], shape: [2, 3] },
  shares: { data: [0.75, 0.25], shape: [2, 1] },
};

type Inputs = Readonly<Record<string, { data: readonly number[]; shape: readonly number[] }>>;

/** Computes a traced scalar in float64. */
function evaluate(inputs: Inputs, fn: (x: Readonly<Record<string, Tensor>>) => Tensor): number {
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, shape]),
  );
  const graph = trace(shapes, (x) => ({ y: fn(x) }));
  return Number(interpret(graph, inputs, { dtype: "float64" }).y.data[0]);
}

Deno.test("squaredError() weighs each row's mean square by its share", () => {
  // Rows: (0 + 4 + 1) / 3 and (9 + 0 + 1) / 3. 3/4 * 5/3 + 1/4 * 10/3 = 15/12 + 10/12 = 25/12.
  const loss = evaluate(ROWS, (x) => squaredError(x.generated, x.targets, x.shares));
  assertClose(loss, 25 / 12);
});

Deno.test("squaredError() has the gradient 2 share (G - theta) / P", () => {
  const inputs = ROWS;
  const graph = trace({ generated: [2, 3], targets: [2, 3], shares: [2, 1] }, (x) => ({
    slope: gradients(squaredError(x.generated, x.targets, x.shares), [x.generated])[0],
  }));
  const { slope } = interpret(graph, inputs, { dtype: "float64" });
  // 2 * 0.75 / 3 = 0.5 times (0, 2, 1); 2 * 0.25 / 3 = 1/6 times (-3, 0, 1).
  assertAllClose(slope.data as Float64Array, [0, 1, 0.5, -0.5, 0, 1 / 6]);
});

Deno.test("actionError() weighs each row's mean square over actions and states by its share", () => {
  // Two actions in two states. Rows: (1 + 0 + 0 + 0.25) / 4 and (0 + 0 + 1 + 4) / 4.
  const actions = {
    generated: { data: [1, 0, 0.5, -0.5, 0, 0, 1, -1], shape: [2, 2, 2] },
    targets: { data: [0, 0, 0.5, -1, 0, 0, 0, 1], shape: [2, 2, 2] },
    shares: ROWS.shares,
  };
  const loss = evaluate(actions, (x) => actionError(x.generated, x.targets, x.shares));
  assertClose(loss, 0.75 * 1.25 / 4 + 0.25 * 5 / 4);
});

Deno.test("summedSquaredError() weighs each row's sum of squares by its share", () => {
  // 3/4 * 5 + 1/4 * 10 = 25/4.
  const loss = evaluate(
    ROWS,
    ({ generated, targets, shares }) => summedSquaredError({ generated, targets, shares }),
  );
  assertClose(loss, 25 / 4);
});

Deno.test("standardNormalDivergence() is the textbook formula", () => {
  const latent = {
    mean: { data: [1, 0, 0, 2], shape: [2, 2] },
    logVariance: { data: [0, 0, Math.log(4), 0], shape: [2, 2] },
    shares: ROWS.shares,
  };
  // (mean^2 + variance - 1 - log variance) / 2, summed: row 1: 1/2; row 2: (4 - 1 - log 4) / 2 + 2.
  const expected = 0.75 * 0.5 + 0.25 * ((3 - Math.log(4)) / 2 + 2);
  const loss = evaluate(
    latent,
    ({ mean, logVariance, shares }) => standardNormalDivergence({ mean, logVariance }, shares),
  );
  assertClose(loss, expected);
});

Deno.test("standardNormalDivergence() is 0 for N(0, 1) alone", () => {
  const latent = { mean: { data: [0, 0], shape: [1, 2] }, shares: { data: [1], shape: [1, 1] } };
  const at = (logVariance: number[]) =>
    evaluate(
      { ...latent, logVariance: { data: logVariance, shape: [1, 2] } },
      (x) => standardNormalDivergence({ mean: x.mean, logVariance: x.logVariance }, x.shares),
    );
  assertClose(at([0, 0]), 0);
  assertClose(at([0.1, 0]), (Math.exp(0.1) - 1.1) / 2);
});
