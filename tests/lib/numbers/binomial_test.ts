/** The binomial bound against values worked by hand, and by simulation. */

import assert from "node:assert/strict";
import { binomialTail, fewestTrials, surelyAbove } from "../../../lib/numbers/binomial.ts";
import { Rng } from "../../../lib/numbers/rng.ts";

Deno.test("binomialTail() sums the terms from the given number on", () => {
  // Three coins: 1/8 for three heads, 3/8 more for two.
  assert.ok(Math.abs(binomialTail(2, { n: 3, share: 0.5 }) - 0.5) < 1e-15);
  // 4 * 0.1^3 * 0.9 + 0.1^4.
  assert.ok(Math.abs(binomialTail(3, { n: 4, share: 0.1 }) - 0.0037) < 1e-15);
  assert.equal(binomialTail(0, { n: 5, share: 0.2 }), 1);
  assert.equal(binomialTail(1, { n: 5, share: 0 }), 0);
  assert.equal(binomialTail(5, { n: 5, share: 1 }), 1);
  // Far beyond what a factorial holds.
  const half = binomialTail(5000, { n: 10_000, share: 0.5 });
  assert.ok(half > 0.5 && half < 0.505, `${half}`);
});

Deno.test("surelyAbove() solves for the share whose tail is what the level leaves", () => {
  for (const [successes, n] of [[9, 10], [45, 50], [1, 7], [99, 100]] as const) {
    const share = surelyAbove(successes, { n, level: 0.95 });
    assert.ok(
      Math.abs(binomialTail(successes, { n, share }) - 0.05) < 1e-9,
      `${successes} of ${n}`,
    );
  }
  assert.equal(surelyAbove(0, { n: 10, level: 0.95 }), 0);
});

Deno.test("fewestTrials() is the least number that can show a share", () => {
  // 0.9^28 = 0.052 and 0.9^29 = 0.047.
  assert.equal(fewestTrials({ share: 0.9, level: 0.95 }), 29);
  const shown = (n: number) => surelyAbove(n, { n, level: 0.95 });
  assert.ok(shown(29) >= 0.9 && shown(28) < 0.9);
});

Deno.test("surelyAbove() is above the truth in no more than the rest of the level", () => {
  const rng = Rng.fromSeed(5);
  for (const [truth, n] of [[0.9, 30], [0.5, 12], [0.97, 200]] as const) {
    let above = 0;
    for (let i = 0; i < 4000; i++) {
      let successes = 0;
      for (let j = 0; j < n; j++) if (rng.random() < truth) successes++;
      if (surelyAbove(successes, { n, level: 0.95 }) > truth) above++;
    }
    // 5 % of 4000, and three deviations.
    assert.ok(above <= 200 + 3 * Math.sqrt(4000 * 0.05 * 0.95), `${above} of 4000 at ${truth}`);
  }
});
