import assert from "node:assert/strict";
import { episodeSeed, PURPOSE, type Purpose, streamFor } from "../../../lib/numbers/streams.ts";

Deno.test("episodeSeed() gives each purpose and number a seed of its own", () => {
  const purposes = Object.keys(PURPOSE) as Purpose[];
  const seeds = purposes.flatMap((purpose) =>
    [1, 2].flatMap((seed) => [0, 1, 2].map((number) => episodeSeed(seed, purpose, number)))
  );
  assert.equal(new Set(seeds).size, purposes.length * 6);
  assert.equal(new Set(Object.values(PURPOSE)).size, purposes.length);
  assert.equal(episodeSeed(1, "training", 0), streamFor(1, "training", 0).nextUint32());
});
