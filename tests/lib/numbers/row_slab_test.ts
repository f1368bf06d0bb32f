/** The slab of rows: slots that are taken, given back and restored, in chunks of a few rows. */

import assert from "node:assert/strict";
import { RowSlab } from "../../../lib/numbers/row_slab.ts";

/** Rows of 2^21 numbers: two in a chunk. */
function createSlab(): RowSlab {
  return new RowSlab({ capacity: 5, rowLength: 1 << 21 });
}

Deno.test("RowSlab keeps rows apart over chunks, and their slots come back", () => {
  const slab = createSlab();
  const slots = [slab.take(), slab.take(), slab.take()];
  assert.deepEqual(slots, [0, 1, 2]);
  for (const slot of slots) slab.row(slot).fill(slot + 1);
  const ends = (slot: number) => [slab.row(slot)[0], slab.row(slot).at(-1)];
  assert.deepEqual(slots.map(ends), [[1, 1], [2, 2], [3, 3]]);
  slab.free(0);
  assert.deepEqual([slab.take(), slab.take()], [0, 3]);
});

Deno.test("RowSlab.restore() leaves free what was between the slots", () => {
  const slab = createSlab();
  slab.restore([3, 1]);
  slab.row(3).fill(7);
  assert.deepEqual([slab.take(), slab.take(), slab.take()], [2, 0, 4]);
  assert.equal(slab.row(3)[0], 7);
});
