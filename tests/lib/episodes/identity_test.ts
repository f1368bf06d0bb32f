/** What an environment is, as a line of text that is compared part by part. */

import assert from "node:assert/strict";
import type { BoxSpace } from "../../../lib/env.ts";
import { compareIdentities, describeChanges, identityOf } from "../../../lib/episodes/identity.ts";

const box = (low: number[], high: number[]): BoxSpace => ({
  kind: "box",
  low: Float64Array.from(low),
  high: Float64Array.from(high),
  dtype: "float32",
});
const SPEC = {
  observationSpace: box([-1, -1, -Infinity], [1, 1, Infinity]),
  actionSpace: box([-2], [2]),
  maxEpisodeSteps: 10,
  returnRange: [0, 10],
} as const;

Deno.test("identityOf() writes spaces, limit, range and versions in one line", () => {
  assert.equal(
    identityOf(SPEC, [["numpy", "2.1"], ["adapter", "1"]]),
    "observation 3 float32 -1..1 2x -inf..inf; action 1 float32 -2..2; steps 10; range 0..10; " +
      "adapter 1; numpy 2.1",
  );
});

Deno.test("identityOf() keeps names and versions of anybody from looking like other parts", () => {
  assert.match(identityOf(SPEC, [["a; steps", "3; x\n"]]), /; a_steps 3_x_$/);
});

Deno.test("identityOf() tells many different bounds apart and stays short", () => {
  const numbers = Array.from({ length: 5000 }, (_, i) => i);
  const wide = (high: number[]) => identityOf({ ...SPEC, observationSpace: box(numbers, high) });
  assert.ok(wide(numbers).length < 200);
  const other = numbers.map((x) => x === 4000 ? x + 1 : x);
  const [change] = compareIdentities(wide(numbers), wide(other));
  assert.deepEqual([change.name, change.changesMeaning], ["observation", true]);
});

Deno.test("compareIdentities() lists what differs, and what of it changes what policies mean", () => {
  const made = identityOf(SPEC, [["numpy", "2.1"]]);
  assert.deepEqual(compareIdentities(made, made), []);
  const changes = compareIdentities(
    made,
    identityOf({ ...SPEC, maxEpisodeSteps: 20, actionSpace: { kind: "discrete", n: 3 } }),
  );
  assert.deepEqual(changes, [
    { name: "action", from: "1 float32 -2..2", to: "3 choices", changesMeaning: true },
    { name: "steps", from: "10", to: "20", changesMeaning: false },
    { name: "numpy", from: "2.1", to: "none", changesMeaning: false },
  ]);
  assert.equal(
    describeChanges(changes),
    "action 3 choices instead of 1 float32 -2..2, steps 20 instead of 10, numpy none instead of 2.1",
  );
});
