/**
 * WebAssembly modules without what only a debugger reads: custom sections named "name" and ".debug_...".
 * More than half of MuJoCo's module is of that kind. What runs stays as it is, byte for byte.
 */

import { joinBytes } from "../system/bytes.ts";

const HEADER_BYTES = 8;
const CUSTOM_SECTION = 0;

/** One section of a module. */
export interface WasmSection {
  /** What kind of section it is, as in the module. */
  readonly id: number;
  /** Name of a custom section; undefined of others. */
  readonly name: string | undefined;
  /** The whole section, its header included: a view. */
  readonly bytes: Uint8Array;
}

/**
 * Lists the sections of a module (WebAssembly Core Specification 2.0, binary format, 5.5).
 * @throws {SyntaxError} when it is no module or ends in the middle of a section.
 */
export function listSections(module: Uint8Array): WasmSection[] {
  const isModule = module.length >= HEADER_BYTES &&
    new TextDecoder().decode(module.subarray(0, 4)) === "\0asm";
  if (!isModule) throw new SyntaxError("Cannot read module: it must begin as WebAssembly does");
  const sections: WasmSection[] = [];
  for (let at = HEADER_BYTES; at < module.length;) {
    const id = module[at];
    const size = readUnsigned(module, at + 1);
    const end = size.end + size.value;
    if (end > module.length) {
      throw new SyntaxError(`Cannot read module: section at ${at} must end within it, got ${end}`);
    }
    let name: string | undefined;
    if (id === CUSTOM_SECTION) {
      const length = readUnsigned(module, size.end);
      name = new TextDecoder().decode(module.subarray(length.end, length.end + length.value));
    }
    sections.push({ id, name, bytes: module.subarray(at, end) });
    at = end;
  }
  return sections;
}

/** Reads an unsigned LEB128 number. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0;; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) return { value, end: at };
  }
}

/** Gives a module without its sections for debuggers. */
export function stripWasm(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept = listSections(module)
    .filter(({ name }) => name !== "name" && !name?.startsWith(".debug_"))
    .map(({ bytes }) => bytes);
  return joinBytes([module.subarray(0, HEADER_BYTES), ...kept]);
}
