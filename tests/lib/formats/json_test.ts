import assert from "node:assert/strict";
import fc from "fast-check";
import { FileError } from "../../../lib/system/errors.ts";
import { isJsonObject, parseJsonLimited } from "../../../lib/formats/json.ts";

const x = { name: "x" };

Deno.test("parseJsonLimited() agrees with JSON.parse on every value", () => {
  fc.assert(fc.property(fc.json({ maxDepth: 5 }), fc.boolean(), (text, asBytes) => {
    if (text.includes("__proto__")) return;
    const value = parseJsonLimited(asBytes ? new TextEncoder().encode(text) : text, x);
    assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
  }));
});

Deno.test("parseJsonLimited() accepts no text that JSON.parse refuses", () => {
  const piece = fc.constantFrom(
    ...'{}[],:"\\u0eE.+-19 tfn\t\n\u0001a',
    "true",
    "null",
    '"a"',
    "1.5",
  );
  let refused = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      const native = outcome(() => JSON.parse(text));
      const ours = outcome(() => parseJsonLimited(text, x));
      if (native === undefined) {
        refused++;
        assert.equal(ours, undefined, text);
      } else if (ours === undefined) {
        assert.match(text, /"(.*)".*"\1"/); // only a key given twice
      } else assert.equal(ours, native);
    }),
    { numRuns: 5000, seed: 1 },
  );
  assert.ok(refused > 1000);
});

function outcome(parse: () => unknown): string | undefined {
  try {
    return JSON.stringify(parse());
  } catch {
    return undefined;
  }
}

Deno.test("parseJsonLimited() gives objects without a prototype", () => {
  const value = parseJsonLimited('{"constructor": 1, "a": {}}', x);
  assert.ok(isJsonObject(value));
  assert.equal(Object.getPrototypeOf(value), null);
  assert.equal(value.toString, undefined);
  assert.equal(isJsonObject(null) || isJsonObject([]) || isJsonObject(undefined), false);
});

Deno.test("parseJsonLimited() refuses hostile text with a clear error", () => {
  const deep = "[".repeat(100_000);
  const cases: [string | Uint8Array, RegExp][] = [
    ['{"__proto__": {"polluted": 1}}', /^Cannot read JSON "x": key "__proto__" is not allowed$/],
    ['{"\\u005f_proto__": 1}', /key "__proto__" is not allowed$/],
    ['{"a": 1, "a": 2}', /^Cannot read JSON "x": key "a" is given twice$/],
    [deep, /^Cannot read JSON "x": nesting must be at most 32 deep, got more at 32$/],
    [Uint8Array.of(0x22, 0xff, 0x22), /: text must be UTF-8, got bytes that are not$/],
    ["[1,]", /: there must be a value at character 3, got "\]"$/],
    ["", /: there must be a value at character 0, got the end of the text$/],
    ["1 2", /: there must be the end at character 2, got "2"$/],
    ["{1:2}", /: there must be a key at character 1, got "1"$/],
    ['"\\x"', /: there must be an escape at character 1/],
    ['"\n"', /: there must be a string at character 1/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseJsonLimited(text, x), (error) => {
      assert.ok(error instanceof FileError);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.throws(
    () => parseJsonLimited("[1, 2]", { name: "y", kind: "policy", maxBytes: 5 }),
    /^FileError: Cannot read policy "y": text must be at most 5 bytes long, got 6$/,
  );
  assert.throws(
    () => parseJsonLimited("[1, [2]]", { name: "y", maxValues: 3 }),
    /^FileError: Cannot read JSON "y": it must hold at most 3 values, got more at 5$/,
  );
  assert.throws(
    () => parseJsonLimited('[{}, {"a": []}]', { name: "y", maxContainers: 3 }),
    /^FileError: Cannot read JSON "y": it must hold at most 3 lists and objects, got more$/,
  );
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});
