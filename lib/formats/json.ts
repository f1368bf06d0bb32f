/**
 * Reads JSON that somebody else wrote. It differs from JSON.parse in what it refuses: text that is too
 * long, nesting that is too deep, the same key twice in one object, and the key "__proto__". Objects
 * have no prototype, so `object.constructor` is undefined unless the text says otherwise and nothing
 * read here can reach Object.prototype.
 *
 * A parser of our own, because JSON.parse silently keeps the last of two equal keys (two readers of one
 * file could then disagree about it) and has no depth limit. It costs about ten times the time of
 * JSON.parse, which no reader of ours notices; files of many numbers belong in safetensors.
 */

import { FileError } from "../system/errors.ts";

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
  /** The longest text in bytes (UTF-8) or, for a string, UTF-16 units; 64 MiB unless given. */
  readonly maxBytes?: number;
  /** The noun in errors: "JSON" unless given. */
  readonly kind?: string;
}

const DEFAULT_MAX_DEPTH = 32;
const DEFAULT_MAX_BYTES = 64 * 2 ** 20;

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
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read ${kind} ${JSON.stringify(name)}: ${rule}`);
  };
  if (text.length > maxBytes) {
    fail(`text must be at most ${maxBytes} bytes long, got ${text.length}`);
  }
  return new Parser(decodeText(text, fail), maxDepth, fail).document();
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
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const WORDS: readonly (readonly [string, null | boolean])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

class Parser {
  #at = 0;
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #fail: Fail;

  constructor(text: string, maxDepth: number, fail: Fail) {
    this.#text = text;
    this.#maxDepth = maxDepth;
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
    const character = this.#text[this.#at];
    if (character === '"') return this.#string();
    if (character === "{" || character === "[") {
      if (depth >= this.#maxDepth) {
        this.#fail(`nesting must be at most ${this.#maxDepth} deep, got more at ${this.#at}`);
      }
      return character === "{" ? this.#object(depth + 1) : this.#array(depth + 1);
    }
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
      if (key in object) this.#fail(`key ${JSON.stringify(key.slice(0, 80))} is given twice`);
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
    let result = "";
    this.#at++;
    for (;;) {
      PLAIN.lastIndex = this.#at;
      result += PLAIN.exec(this.#text)![0];
      this.#at = PLAIN.lastIndex;
      const character = this.#text[this.#at];
      if (character === '"') {
        this.#at++;
        return result;
      }
      if (character !== "\\") this.#unexpected("a string");
      result += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? "";
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) {
      this.#at += 2;
      return plain;
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) this.#unexpected("an escape");
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
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
