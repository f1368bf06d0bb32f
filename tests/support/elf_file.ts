/** Makes the smallest ELF files that say which libraries they are linked with. */

/** What to leave out or put wrong. */
export interface ElfChanges {
  /** Numbers to write over the file: [offset, bytes wide, value]. */
  readonly patches?: readonly (readonly [offset: number, width: 2 | 4 | 8, value: number])[];
  /** Bytes to keep. */
  readonly length?: number;
}

/** Where the parts of a made file begin, in bytes. */
export const ELF_PLACES = { segments: 64, dynamic: 64 + 2 * 56 } as const;

/** How far memory addresses are ahead of offsets in a made file, so that mixing them up shows. */
const LOADED_AT = 0x1000;

/**
 * Makes a shared library of Linux on x64 without code: a header, one segment with everything, the
 * dynamic section and its names.
 */
export function makeElf(needed: readonly string[], changes: ElfChanges = {}): Uint8Array {
  const { patches = [], length } = changes;
  const names = new TextEncoder().encode(["", ...needed, ""].join("\0"));
  const dynamicSize = 16 * (needed.length + 2);
  const strings = ELF_PLACES.dynamic + dynamicSize;
  const bytes = new Uint8Array(strings + names.length);
  const view = new DataView(bytes.buffer);
  const put = (offset: number, width: 2 | 4 | 8, value: number) => {
    if (width === 2) view.setUint16(offset, value, true);
    else if (width === 4) view.setUint32(offset, value, true);
    else view.setBigUint64(offset, BigInt(value), true);
  };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  put(16, 2, 3); // a shared library
  put(18, 2, 62); // x86-64
  put(32, 8, ELF_PLACES.segments);
  put(54, 2, 56);
  put(56, 2, 2);
  const segment = (at: number, kind: number, offset: number, size: number) => {
    put(at, 4, kind);
    put(at + 8, 8, offset);
    put(at + 16, 8, offset + LOADED_AT);
    put(at + 32, 8, size);
  };
  segment(ELF_PLACES.segments, 1, 0, bytes.length);
  segment(ELF_PLACES.segments + 56, 2, ELF_PLACES.dynamic, dynamicSize);
  let [entry, name] = [ELF_PLACES.dynamic, 1];
  const tag = (kind: number, value: number) => {
    put(entry, 8, kind);
    put(entry + 8, 8, value);
    entry += 16;
  };
  for (const library of needed) {
    tag(1, name);
    name += library.length + 1;
  }
  tag(5, strings + LOADED_AT);
  bytes.set(names, strings);
  for (const patch of patches) put(...patch);
  return bytes.slice(0, length);
}
