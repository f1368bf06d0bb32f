/**
 * Reads JSON that somebody else wrote. It differs from JSON.parse in what it refuses: text that is too
 * long, more values or more lists and objects than any file of ours holds (three bytes of text make an
 * object of a hundred), nesting that is too deep, the same key twice in one object, and the key
 * "__proto__". Objects have no prototype, so `object.constructor` is undefined unless the text says
 * otherwise and nothing read here can reach Object.prototype.
 *
 * A parser of our own, because JSON.parse silently keeps the last of two equal keys (two readers of one
 * file could then disagree about it) and has no limits. It costs about ten times the time of
 * JSON.parse, which no reader of ours notices; files of many numbers belong in safetensors.
 */

import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";

/** Any value that JSON can hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object; objects read by `parseJsonLimited` have no prototype. */
export interface JsonObject {
  /** A member. */
  [key: string]: JsonValue;
}

/** What `parseJsonLimited` accepts. */
export interface JsonLimits {
  /** What the text is called in errors, usually its path. */
  readonly name: string;
  /** The deepest nesting of arrays and objects; 32 unless given. */
  readonly maxDepth?: number;
  /** The longest text in bytes (UTF-8) or, for a string, UTF-16 units; 32 MiB unless given. */
  readonly maxBytes?: number;
  /** The most lists and objects, which take more memory than other values; 65,536 unless given. */
  readonly maxContainers?: number;
  /** The most values of any kind; `MAX_JSON_VALUES` unless given. */
  readonly maxValues?: number;
  /** The noun in errors: "JSON" unless given. */
  readonly kind?: string;
}

/** A million numbers: 14 times the parameters of the published method's policy. */
export const MAX_JSON_VALUES: number = 2 ** 20;

const DEFAULT_MAX_DEPTH = 32;
const DEFAULT_MAX_BYTES = 32 * 2 ** 20;
const DEFAULT_MAX_CONTAINERS = 2 ** 16;

/**
 * Parses JSON text or its UTF-8 bytes, following RFC 8259 to the letter and the limits above it.
 * @throws {FileError} on anything else: `Cannot read JSON "x": ...`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseJsonLimited } from "./json.ts";
 * assert.deepEqual(parseJsonLimited('[1, "two", null]', { name: "x" }), [1, "two", null]);
 * assert.throws(() => parseJsonLimited('{"a": 1, "a": 2}', { name: "x" }), /given twice/);
 * ```
 */
export function parseJsonLimited(text: string | Uint8Array, limits: JsonLimits): JsonValue {
  const { name, kind = "JSON", maxDepth = DEFAULT_MAX_DEPTH, maxBytes = DEFAULT_MAX_BYTES } =
    limits;
  const { maxValues = MAX_JSON_VALUES, maxContainers = DEFAULT_MAX_CONTAINERS } = limits;
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read ${kind} ${JSON.stringify(name)}: ${rule}`);
  };
  if (text.length > maxBytes) {
    fail(`text must be at most ${maxBytes} bytes long, got ${text.length}`);
  }
  return new Parser(decodeText(text, fail), { maxDepth, maxValues, maxContainers, fail })
    .document();
}

/** Tells whether a JSON value is an object: neither null nor an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Fail = (rule: string) => never;

function decodeText(text: string | Uint8Array, fail: Fail): string {
  if (typeof text === "string") return text;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    return fail("text must be UTF-8, got bytes that are not");
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Everything in a string that needs no work: no quote, no backslash, no control character.
// deno-lint-ignore no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS: readonly (readonly [string, null | boolean])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

class Parser {
  #at = 0;
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  readonly #maxContainers: number;
  readonly #fail: Fail;
  #values = 0;
  #containers = 0;

  constructor(
    text: string,
    { maxDepth, maxValues, maxContainers, fail }: {
      readonly maxDepth: number;
      readonly maxValues: number;
      readonly maxContainers: number;
      readonly fail: Fail;
    },
  ) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
    this.#maxContainers = maxContainers;
    this.#fail = fail;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#unexpected("the end");
    return value;
  }

  #value(depth: number): JsonValue {
    this.#space();
    if (++this.#values > this.#maxValues) {
      this.#fail(`it must hold at most ${this.#maxValues} values, got more at ${this.#at}`);
    }
    const character = this.#text[this.#at];
    if (character === '"') return this.#string();
    if (character === "{" || character === "[") {
      if (depth >= this.#maxDepth) {
        this.#fail(`nesting must be at most ${this.#maxDepth} deep, got more at ${this.#at}`);
      }
      if (++this.#containers > this.#maxContainers) {
        this.#fail(`it must hold at most ${this.#maxContainers} lists and objects, got more`);
      }
      return character === "{" ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    if (character >= "0" && character <= "9" || character === "-") return this.#number();
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = Object.create(null);
    this.#at++;
    if (this.#skip("}")) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#unexpected("a key");
      const key = this.#string();
      if (key === "__proto__") this.#fail(`key "__proto__" is not allowed`);
      if (key in object) this.#fail(`key ${quoteName(key)} is given twice`);
      this.#expect(":");
      object[key] = this.#value(depth);
    } while (this.#skip(","));
    this.#expect("}");
    return object;
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at++;
    if (this.#skip("]")) return array;
    do array.push(this.#value(depth)); while (this.#skip(","));
    this.#expect("]");
    return array;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) return this.#unexpected("a value");
    this.#at = NUMBER.lastIndex;
    return Number(match[0]);
  }

  #string(): string {
    PLAIN.lastIndex = ++this.#at;
    PLAIN.exec(this.#text);
    const end = PLAIN.lastIndex;
    if (this.#text[end] !== '"') return this.#escapedString();
    const result = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return result;
  }

  /** Reads a string that holds escapes, from behind its opening quote. */
  #escapedString(): string {
    const end = endOfString(this.#text, this.#at);
    try {
      const result = JSON.parse(this.#text.slice(this.#at - 1, end));
      this.#at = end;
      return result;
    } catch {
      return this.#brokenString();
    }
  }

  /** Finds what is wrong with a string. */
  #brokenString(): never {
    for (;;) {
      PLAIN.lastIndex = this.#at;
      PLAIN.exec(this.#text);
      this.#at = PLAIN.lastIndex;
      if (this.#text[this.#at] !== "\\") this.#unexpected("a string");
      ESCAPE.lastIndex = this.#at;
      if (!ESCAPE.test(this.#text)) this.#unexpected("an escape");
      this.#at = ESCAPE.lastIndex;
    }
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #skip(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) this.#unexpected(JSON.stringify(character));
  }

  #unexpected(wanted: string): never {
    const found = this.#at < this.#text.length
      ? JSON.stringify(this.#text[this.#at])
      : "the end of the text";
    return this.#fail(`there must be ${wanted} at character ${this.#at}, got ${found}`);
  }
}

/** Finds where a string ends, behind its closing quote; the end of the text when it has none. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return text.length;
}
