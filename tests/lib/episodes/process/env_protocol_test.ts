/** Descriptions and answers of the line protocol: what is read, what is refused, what cannot crash. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parseAnswer,
  ProtocolError,
  readDescription,
  readObservation,
  readOutcome,
} from "../../../../lib/episodes/process/env_protocol.ts";

const GOOD = {
  id: "Line-v0",
  observationSpace: { low: [null, -1], high: [null, 1], dtype: "float32" },
  actionSpace: { n: 2 },
  maxEpisodeSteps: 10,
};

Deno.test("readDescription() fills in what may be left out", () => {
  const { identity, ...spec } = readDescription(GOOD, "python x.py");
  assert.equal(
    identity,
    "observation 2 float32 -inf..inf -1..1; action 2 choices; steps 10; range 0..10",
  );
  assert.deepEqual(spec, {
    id: "Line-v0",
    observationSpace: {
      kind: "box",
      low: Float64Array.of(-Infinity, -1),
      high: Float64Array.of(Infinity, 1),
      dtype: "float32",
    },
    actionSpace: { kind: "discrete", n: 2 },
    maxEpisodeSteps: 10,
    returnRange: [0, 10],
    source: "child process: python x.py",
  });
});

Deno.test("readDescription() tells environments apart by what they are, not by where they come from", () => {
  const { identity } = readDescription(GOOD, "python x.py");
  assert.equal(readDescription({ ...GOOD, source: "here" }, "/elsewhere").identity, identity);
  const changes: Record<string, unknown>[] = [
    { maxEpisodeSteps: 11 },
    { returnRange: [0, 9] },
    { actionSpace: { n: 3 } },
    { versions: { simulator: "2.1" } },
  ];
  for (const change of changes) {
    assert.notEqual(readDescription({ ...GOOD, ...change }, "x").identity, identity);
  }
});

Deno.test("readDescription() names the rule that a description breaks", () => {
  const bad: [Record<string, unknown>, RegExp][] = [
    [{ id: "" }, /^"id" must be a text of 1 to 200 characters, got $/],
    [{ id: "x".repeat(300) }, /^"id" must be a text/],
    [{ layout: [1] }, /^"layout" must be an object of at most 16384 characters, got \[1\]$/],
    [{ layout: { a: "x".repeat(20_000) } }, /^"layout" must be an object/],
    [{ versions: [1] }, /^"versions" must be at most 16 texts by name, got \[1\]$/],
    [{ versions: { numpy: null } }, /^"versions" must be/],
    [{ observationSpace: 3 }, /^"observationSpace" must be an object, got 3$/],
    [{ observationSpace: { low: [], high: [] } }, /must have 1 to 10000 numbers, got \[\]$/],
    [{ observationSpace: { low: [0], high: [1, 2] } }, /must not lie above "high"/],
    [{ observationSpace: { low: [1], high: [0] } }, /must not lie above "high"/],
    [{ observationSpace: { low: ["a"], high: [1] } }, /must have numbers or null, got a$/],
    [{ observationSpace: { low: [0], high: [1], dtype: "int8" } }, /must have the dtype/],
    [{ actionSpace: { n: 0 } }, /^"n" must be an integer from 1 to 100000, got 0$/],
    [{ actionSpace: { n: 1e9 } }, /^"n" must be/],
    [{ maxEpisodeSteps: 1.5 }, /^"maxEpisodeSteps" must be an integer/],
    [{ returnRange: [1, 0] }, /^"returnRange" must be two finite numbers in order, got \[1,0\]$/],
    [{ rewardThreshold: "x" }, /^"rewardThreshold" must be a finite number, got x$/],
  ];
  for (const [change, message] of bad) {
    assert.throws(() => readDescription({ ...GOOD, ...change }, "x"), {
      name: "ProtocolError",
      message,
    });
  }
});

Deno.test("parseAnswer() refuses everything but an object, and passes errors on", () => {
  for (const line of ["", "1", "null", "[]", '"x"', "{", "NaN", '{"a":1}x']) {
    assert.throws(() => parseAnswer(line), ProtocolError);
  }
  assert.throws(() => parseAnswer('{"error":"boom"}'), /the child must not fail, got boom/);
});

Deno.test("a value nested a hundred thousand times deep is refused, and control characters are not shown", () => {
  const deep = `{"observation":${"[".repeat(1e5)}${"]".repeat(1e5)}}`;
  assert.throws(() => readObservation(parseAnswer(deep), new Float64Array(2)), ProtocolError);
  const nested = `{"id":${"[".repeat(1e5)}${"]".repeat(1e5)},"maxEpisodeSteps":3}`;
  assert.throws(() => readDescription(parseAnswer(nested), "x"), ProtocolError);
  assert.throws(() => parseAnswer('\u001b[31m"'), /got \?\[31m"$/);
});

Deno.test("no answer makes the readers throw anything but a ProtocolError, or change a prototype", () => {
  const out = new Float64Array(2);
  fc.assert(
    fc.property(fc.json(), fc.json(), (text, inner) => {
      const line = `{"observation":${text},"reward":${inner},"__proto__":${inner},"id":${text}}`;
      for (
        const read of [
          () => readObservation(parseAnswer(line), out),
          () => readOutcome(parseAnswer(line)),
          () => readDescription(parseAnswer(line), "x"),
        ]
      ) {
        try {
          read();
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
      assert.equal(Object.keys(Object.prototype).length, 0);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseAnswer() reads Python's words for numbers, but not in texts", () => {
  const { a, b } = parseAnswer('{"a":[NaN,-Infinity,1],"b":"NaN, \\"Infinity\\" and \\\\"}');
  assert.deepEqual([a, b], [[NaN, -Infinity, 1], 'NaN, "Infinity" and \\']);
  for (const line of ['{"a":NaNa}', '{"a":+Infinity}', "NaN", '{"a":nan}']) {
    assert.throws(() => parseAnswer(line), /an answer must be one JSON object in a line/);
  }
});
