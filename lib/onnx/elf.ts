/**
 * Reads which libraries a shared library is linked with, without loading it: the entries DT_NEEDED of an
 * ELF file's dynamic section. Only that is read, so that 270 MB cost a few small reads, and every size
 * that the file claims is bounded before anything is made for it.
 *
 * Made for libraries of Linux on x64: 64 bits, little-endian. Source: System V ABI, ELF-64 object files.
 */

import { FileError } from "../system/errors.ts";

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const ENTRY_BYTES = 16;
/** The CUDA provider of ONNX Runtime 1.30 has 12 segments, 44 entries and 13 libraries. */
const MAX_SEGMENTS = 128;
const MAX_ENTRIES = 4096;
const MAX_LIBRARIES = 256;
const MAX_NAME_BYTES = 256;

/** "\x7fELF", 64 bits, little-endian. */
const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const SEGMENT_LOAD = 1;
const SEGMENT_DYNAMIC = 2;
const TAG_END = 0;
const TAG_NEEDED = 1;
const TAG_STRINGS = 5;

/** A part of the file and where it is put in memory; offsets and sizes in bytes. */
interface Segment {
  readonly kind: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/**
 * Lists the libraries that a library is linked with, in the file's order.
 * @throws {FileError} when the file cannot be read or is no whole ELF library of 64 bits.
 */
export function readNeededLibraries(path: string): string[] {
  const file = new ElfFile(path);
  try {
    return file.needed();
  } finally {
    file.close();
  }
}

class ElfFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #size: number;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path);
    } catch (error) {
      throw this.#refuse(`it must be readable, got ${(error as Error).message}`);
    }
    this.#size = this.#file.statSync().size;
  }

  close(): void {
    this.#file.close();
  }

  needed(): string[] {
    const segments = this.#segments();
    const dynamic = segments.find(({ kind }) => kind === SEGMENT_DYNAMIC);
    if (dynamic === undefined) {
      throw this.#refuse("it must be a shared library, got no dynamic part");
    }
    this.#bound("entries", dynamic.size / ENTRY_BYTES, MAX_ENTRIES);
    const view = this.#read(dynamic.offset, dynamic.size);
    const offsets: number[] = [];
    let strings: number | undefined;
    for (let at = 0; at + ENTRY_BYTES <= dynamic.size; at += ENTRY_BYTES) {
      const [tag, value] = [numberAt(view, at), numberAt(view, at + 8)];
      if (tag === TAG_END) break;
      if (tag === TAG_NEEDED) offsets.push(value);
      if (tag === TAG_STRINGS) strings = value;
    }
    if (offsets.length === 0) return [];
    this.#bound("libraries", offsets.length, MAX_LIBRARIES);
    const home = segments.find(({ kind, address, size }) =>
      kind === SEGMENT_LOAD && strings !== undefined && strings >= address &&
      strings < address + size
    );
    if (home === undefined) throw this.#refuse("its names must lie in the file, got none");
    const start = strings! - home.address + home.offset;
    return offsets.map((offset) => this.#name(start + offset));
  }

  #segments(): Segment[] {
    const header = this.#read(0, HEADER_BYTES);
    if (MAGIC.some((byte, i) => header.getUint8(i) !== byte)) {
      throw this.#refuse("it must be an ELF library of 64 bits, got another kind of file");
    }
    const offset = numberAt(header, 32);
    const [width, count] = [header.getUint16(54, true), header.getUint16(56, true)];
    if (width !== SEGMENT_BYTES) {
      throw this.#refuse(`its segments must be told in ${SEGMENT_BYTES} bytes each, got ${width}`);
    }
    this.#bound("segments", count, MAX_SEGMENTS);
    const view = this.#read(offset, count * SEGMENT_BYTES);
    return Array.from({ length: count }, (_, i) => {
      const at = i * SEGMENT_BYTES;
      return {
        kind: view.getUint32(at, true),
        offset: numberAt(view, at + 8),
        address: numberAt(view, at + 16),
        size: numberAt(view, at + 32),
      };
    });
  }

  #name(offset: number): string {
    const length = Math.min(MAX_NAME_BYTES, this.#size - offset);
    const bytes = length > 0 ? new Uint8Array(this.#read(offset, length).buffer) : new Uint8Array();
    const name = String.fromCharCode(...bytes.subarray(0, Math.max(0, bytes.indexOf(0))));
    if (!/^[\x21-\x7e]+$/.test(name)) {
      throw this.#refuse(`the names of libraries must be words, got ${JSON.stringify(name)}`);
    }
    return name;
  }

  #read(offset: number, length: number): DataView<ArrayBuffer> {
    if (!(offset + length <= this.#size)) {
      throw this.#refuse(`it must reach to byte ${offset + length}, got ${this.#size} bytes`);
    }
    const bytes = new Uint8Array(length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const read = this.#file.readSync(bytes.subarray(done));
      if (read === null) throw this.#refuse(`it must not change while it is read, got its end`);
      done += read;
    }
    return new DataView(bytes.buffer);
  }

  #bound(what: string, count: number, most: number): void {
    if (count <= most) return;
    throw this.#refuse(`it must have at most ${most} ${what}, got ${Math.ceil(count)}`);
  }

  #refuse(reason: string): FileError {
    return new FileError(`Cannot read library ${JSON.stringify(this.#path)}: ${reason}`);
  }
}

/** A whole number of 64 bits; rounded beyond 2^53, where no file reaches. */
function numberAt(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
