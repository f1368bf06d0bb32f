/**
 * Reads what `deno compile` put into an executable: its settings and the list of embedded files.
 *
 * Deno 2.9.6 appends a section: the mark `d3n0l4nd` twice, then parts that are each preceded by their
 * length as a 64-bit little-endian number. The first part is JSON with the settings, a later one
 * JSON with the tree of files, [{ File: { n: name, o: [offset, bytes] } }, { Dir: { n, e: [...] } }].
 * Found by looking at executables; the tests that use it fail when a newer Deno changes it.
 */

import { Buffer } from "node:buffer";

/** An embedded file. */
export interface EmbeddedFile {
  /** Path from the program's folder, with "/". */
  readonly path: string;
  readonly bytes: number;
}

/** What an executable holds. */
export interface Listing {
  /** Permissions by Deno's name: null is denied, [] everything, otherwise the names allowed. */
  readonly permissions: Readonly<Record<string, readonly string[] | boolean | null>>;
  /** The module that is run. */
  readonly entry: string;
  /** Whether files are unpacked at the first run. */
  readonly isSelfExtracting: boolean;
  readonly files: readonly EmbeddedFile[];
}

interface Entry {
  readonly File?: { readonly n: string; readonly o: readonly [number, number] };
  readonly Dir?: { readonly n: string; readonly e: readonly Entry[] };
}

const MARK = "d3n0l4ndd3n0l4nd";
const LENGTH_BYTES = 8;

/**
 * Reads the listing of an executable.
 * @throws {SyntaxError} when there is none.
 */
export function readListing(executable: Uint8Array): Listing {
  const buffer = Buffer.from(executable.buffer, executable.byteOffset, executable.byteLength);
  const fail = (): never => {
    throw new SyntaxError(
      "Cannot read listing: the file must be made by deno compile, got another",
    );
  };
  const part = (at: number): { text: string; end: number } => {
    const length = Number(buffer.readBigUInt64LE(at));
    const end = at + LENGTH_BYTES + length;
    if (end > buffer.length) fail();
    return { text: buffer.toString("utf8", at + LENGTH_BYTES, end), end };
  };
  for (let at = buffer.indexOf(MARK); at >= 0; at = buffer.indexOf(MARK, at + 1)) {
    const start = at + MARK.length;
    if (buffer.toString("latin1", start + LENGTH_BYTES, start + LENGTH_BYTES + 2) !== '{"') {
      continue;
    }
    const { text, end } = part(start);
    const settings = JSON.parse(text);
    const tree = part(buffer.indexOf('[{"', end) - LENGTH_BYTES);
    return {
      permissions: settings.permissions,
      entry: settings.entrypoint_key,
      isSelfExtracting: settings.self_extracting !== null,
      files: flatten(JSON.parse(tree.text), ""),
    };
  }
  return fail();
}

function flatten(entries: readonly Entry[], prefix: string): EmbeddedFile[] {
  return entries.flatMap(({ File, Dir }): EmbeddedFile[] => {
    if (Dir) return flatten(Dir.e, `${prefix}${Dir.n}/`);
    return File ? [{ path: prefix + File.n, bytes: File.o[1] }] : [];
  });
}

/** Bytes of a file that are looked for in an executable. */
const SAMPLE_BYTES = 512;
/** Different values that make such bytes recognisable; padding has one. */
const MIN_VALUES = 64;

/**
 * Finds which files an executable holds bytes of, by a sample of each. All samples are looked for in
 * one pass: `Buffer.includes` takes seconds for each in 160 MB.
 * @param files contents by name; samples are taken from the second half
 * @throws {RangeError} when a file has nothing to recognise it by.
 */
export function findContents(
  executable: Uint8Array,
  files: ReadonlyMap<string, Uint8Array>,
): string[] {
  const samples = [...files].map(([name, content]) => ({ name, sample: sampleOf(name, content) }));
  const starts = new Map<number, typeof samples>();
  const isStart = new Uint8Array(1 << 16);
  for (const entry of samples) {
    const pair = entry.sample[0] << 8 | entry.sample[1];
    starts.set(pair, [...starts.get(pair) ?? [], entry]);
    isStart[pair] = 1;
  }
  const found = new Set<string>();
  for (let at = 0; at + SAMPLE_BYTES <= executable.length; at++) {
    const pair = executable[at] << 8 | executable[at + 1];
    if (isStart[pair] === 0) continue;
    for (const { name, sample } of starts.get(pair)!) {
      if (sample.every((byte, i) => executable[at + i] === byte)) found.add(name);
    }
  }
  return [...files.keys()].filter((name) => found.has(name));
}

function sampleOf(name: string, content: Uint8Array): Uint8Array {
  for (let at = content.length >> 1; at + SAMPLE_BYTES <= content.length; at += SAMPLE_BYTES) {
    const sample = content.subarray(at, at + SAMPLE_BYTES);
    if (new Set(sample).size >= MIN_VALUES && sample[0] !== sample[1]) return sample;
  }
  throw new RangeError(`Cannot look for "${name}": it must have telling bytes, got none`);
}
