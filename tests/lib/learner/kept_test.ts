import assert from "node:assert/strict";
import { Kept } from "../../../lib/learner/kept.ts";

Deno.test("Kept gives back what it captured, whoever comes first", () => {
  const before = new Kept();
  const array = Float32Array.of(1, 2);
  before.keepArray("a", array);
  let list = Float64Array.of(3);
  before.keep("b", { save: () => list, load: (saved: Float64Array) => list = saved.slice() });
  const captured = before.capture();
  array[0] = 9;
  assert.deepEqual([...captured.get("a")!], [1, 2]);

  const late = new Kept();
  late.restore(captured);
  // A checkpoint that is written before anybody came holds the same.
  assert.deepEqual(late.capture(), captured);
  const again = new Float32Array(2);
  late.keepArray("a", again);
  assert.deepEqual([...again], [1, 2]);

  before.restore(captured);
  assert.deepEqual([...array], [1, 2]);
});

Deno.test("Kept refuses numbers that do not fit", () => {
  const kept = new Kept();
  kept.restore(new Map([["a", Float32Array.of(1, 2)]]));
  assert.throws(() => kept.keepArray("a", new Float32Array(3)), {
    name: "FileError",
    message: 'Cannot read checkpoint: it must hold 3 numbers of "a", got 2',
  });
  assert.throws(() => kept.keepArray("b", new Float32Array(1)), /numbers of "b", got 0/);
});
