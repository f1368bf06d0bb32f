import fc from "fast-check";
import type { OptionRule } from "../../lib/config/options.ts";

/** Draws valid values of an option, the ends of its range included. */
export function arbitraryValue(rule: OptionRule): fc.Arbitrary<unknown> {
  switch (rule.type) {
    case "integer":
      return fc.maxSafeInteger().map((n) => Math.min(rule.max, Math.max(rule.min, n)));
    case "number":
      // TOML has one zero of each sign but its integer "-0" reads back as 0.
      return fc.double({ min: rule.min, max: rule.max, noNaN: true }).map((x) => x === 0 ? 0 : x);
    case "integers":
      return fc.array(fc.integer({ min: rule.min, max: 65536 }), { maxLength: 5 });
    case "choice":
      return fc.constantFrom(...rule.choices);
    case "interval":
      return fc.constantFrom([], [-1.5, 0], [0, 1e-9], [1, 1e9]);
    case "text":
      return fc.oneof(fc.string(), fc.constant('"\\\n\t\x7f\u2028é'));
  }
}
