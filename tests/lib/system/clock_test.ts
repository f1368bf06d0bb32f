import assert from "node:assert/strict";
import { formatDuration, systemClock } from "../../../lib/system/clock.ts";

Deno.test("formatDuration() writes the two largest units", () => {
  const cases: [number, string][] = [
    [0.04, "0.0 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min 0 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
    [86_400 * 3 + 3600 * 4 + 59, "3 d 4 h"],
    [Infinity, "?"],
    [NaN, "?"],
    [-1, "?"],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
});

Deno.test("systemClock() does not run backwards", () => {
  const clock = systemClock();
  const first = clock.monotonicMs();
  assert.ok(clock.monotonicMs() >= first);
  assert.ok(clock.epochMs() > Date.UTC(2024, 0, 1));
});
