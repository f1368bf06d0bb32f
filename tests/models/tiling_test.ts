/** How a policy is cut into tiles, by hand, and the order of what the generator puts out. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { generatorOrder, tilePolicy } from "../../models/tiling.ts";

Deno.test("tilePolicy() cuts each kind of layer into its grid of tiles", () => {
  // 3 -> 4 -> 4 -> 2 with tiles of two features: W1 [4, 3] is 1 x 2 tiles [2, 3], W2 [4, 4] is 2 x 2
  // tiles [2, 2], W3 [2, 4] is 2 x 1 tiles [2, 2]. W1 b1 W2 b2 W3 b3 begin at 0 12 16 32 36 44.
  assert.deepEqual(tilePolicy([3, 4, 4, 2], 2), [
    {
      name: "input",
      rows: 2,
      columns: 3,
      layers: [{ tilesIn: 1, tilesOut: 2, fanIn: 3, weightOffset: 0, biasOffset: 12 }],
      tileCount: 2,
    },
    {
      name: "hidden",
      rows: 2,
      columns: 2,
      layers: [{ tilesIn: 2, tilesOut: 2, fanIn: 4, weightOffset: 16, biasOffset: 32 }],
      tileCount: 4,
    },
    {
      name: "output",
      rows: 2,
      columns: 2,
      layers: [{ tilesIn: 2, tilesOut: 1, fanIn: 4, weightOffset: 36, biasOffset: 44 }],
      tileCount: 2,
    },
  ]);
});

Deno.test("tilePolicy() gives all hidden layers one kind, and a linear policy one tile", () => {
  const kinds = tilePolicy([4, 64, 32, 32, 2], 32);
  // Hidden layers 64 -> 32 and 32 -> 32: 2 x 1 and 1 x 1 tiles.
  assert.deepEqual(kinds.map(({ name, tileCount }) => [name, tileCount]), [
    ["input", 2],
    ["hidden", 3],
    ["output", 1],
  ]);
  assert.deepEqual(tilePolicy([5, 2], 32), [{
    name: "linear",
    rows: 2,
    columns: 5,
    layers: [{ tilesIn: 1, tilesOut: 1, fanIn: 5, weightOffset: 0, biasOffset: 10 }],
    tileCount: 1,
  }]);
});

Deno.test("tilePolicy() makes a skip connection a kind of its own, within the rows of the last layer", () => {
  // 3 -> 4 -> 2: W1 [4, 3] and b1 end at 16; W2 [2, 4 + 3] is 16 to 30, b2 at 30.
  const kinds = tilePolicy([3, 4, 2], 2, "linear");
  assert.deepEqual(kinds.slice(1), [
    {
      name: "output",
      rows: 2,
      columns: 2,
      layers: [{ tilesIn: 2, tilesOut: 1, fanIn: 7, weightOffset: 16, biasOffset: 30 }],
      tileCount: 2,
    },
    {
      name: "skip",
      rows: 2,
      columns: 3,
      layers: [{ tilesIn: 1, tilesOut: 1, fanIn: 7, weightOffset: 20 }],
      tileCount: 1,
    },
  ]);
  // Tiles of two hidden units for both rows, biases, then what sees the observation.
  const order = [...generatorOrder(kinds)].slice(16);
  assert.deepEqual(order, [16, 17, 23, 24, 18, 19, 25, 26, 30, 31, 20, 21, 22, 27, 28, 29]);
  assert.deepEqual(tilePolicy([5, 2], 2, "linear"), tilePolicy([5, 2], 2));
});

Deno.test("tilePolicy() rejects a width that is no multiple of the tile and names the next one", () => {
  const rule = "Cannot tile policy: hidden widths must be multiples of the tile size 32, got";
  assert.throws(() => tilePolicy([4, 64, 40, 1], 32), {
    name: "RangeError",
    message: `${rule} 40: the next valid width is 64`,
  });
  assert.throws(() => tilePolicy([4, 1, 1], 32), {
    message: `${rule} 1: the next valid width is 32`,
  });
});

Deno.test("generatorOrder() goes through tiles before rows and columns, as by hand", () => {
  // 1 -> 4 -> 2, tiles of two. W1 [4, 1] at 0..3, b1 at 4..7, W2 [2, 4] at 8..15, b2 at 16, 17.
  const order = generatorOrder(tilePolicy([1, 4, 2], 2));
  assert.deepEqual([...order], [
    ...[0, 1, 2, 3], // input tiles one below the other
    ...[4, 5, 6, 7],
    ...[8, 9, 12, 13], // W2's left tile: columns 0 and 1 of both rows
    ...[10, 11, 14, 15], // and its right one
    ...[16, 17],
  ]);
});

Deno.test("generatorOrder() is a permutation of all parameters", () => {
  const network = fc.record({
    tile: fc.integer({ min: 1, max: 6 }),
    hidden: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
    inputs: fc.integer({ min: 1, max: 7 }),
    outputs: fc.integer({ min: 1, max: 7 }),
  });
  fc.assert(
    fc.property(network, ({ tile, hidden, inputs, outputs }) => {
      const sizes = [inputs, ...hidden.map((count) => count * tile), outputs];
      const order = generatorOrder(tilePolicy(sizes, tile));
      const count = sizes.slice(1).reduce((sum, width, i) => sum + (sizes[i] + 1) * width, 0);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        Array.from({ length: count }, (_, i) => i),
      );
    }),
    { seed: 1 },
  );
});
