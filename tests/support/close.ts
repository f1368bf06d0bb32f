/** Numbers that are equal up to a stated error. */

import assert from "node:assert/strict";

/**
 * Asserts that two lists agree in length and, number by number, within an absolute tolerance.
 * @throws {assert.AssertionError} naming the first number that does not.
 */
export function assertAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { tolerance = 1e-12, name = "value" }: { tolerance?: number; name?: string } = {},
): void {
  assert.equal(actual.length, expected.length, `${name}: length`);
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    // Equal infinities differ by NaN; a NaN is never close.
    if (actual[i] === expected[i] || error <= tolerance) continue;
    assert.fail(`${name}[${i}] must be ${expected[i]} within ${tolerance}, got ${actual[i]}`);
  }
}

/** Asserts the same of two numbers. @throws {assert.AssertionError} */
export function assertClose(actual: number, expected: number, tolerance = 1e-12): void {
  assertAllClose([actual], [expected], { tolerance });
}
