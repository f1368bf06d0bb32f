import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../packaging/payload.ts";
import { listSections, stripWasm } from "../../../lib/formats/strip_wasm.ts";

/** A module that exports f() = 7, with a section "name", one for a debugger and one that is neither. */
const MODULE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7f], // type: () -> i32
  ...[0, 6, 4, 0x6e, 0x61, 0x6d, 0x65, 9], // custom "name"
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0], // export f
  ...[10, 6, 1, 4, 0, 0x41, 7, 0x0b],
  ...[0, 9, 7, 0x2e, 0x64, 0x65, 0x62, 0x75, 0x67, 0x5f, 1], // custom ".debug_"
  ...[0, 3, 1, 0x78, 5], // custom "x"
);

const runs = (bytes: Uint8Array<ArrayBuffer>) =>
  (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f as () => number)();

Deno.test("stripWasm() takes out what only debuggers read, and nothing else", () => {
  const stripped = stripWasm(MODULE);
  assert.deepEqual(listSections(MODULE).map(({ name }) => name).filter((name) => name), [
    "name",
    ".debug_",
    "x",
  ]);
  assert.equal(stripped.length, MODULE.length - 8 - 11);
  assert.deepEqual(listSections(stripped).map(({ id }) => id), [1, 3, 7, 10, 0]);
  assert.deepEqual([runs(MODULE), runs(stripped)], [7, 7]);
});

Deno.test("stripWasm() refuses what is no module, or is cut off", () => {
  assert.throws(() => stripWasm(new Uint8Array(9)), /^SyntaxError: .*must begin as WebAssembly/);
  assert.throws(() => stripWasm(MODULE.subarray(0, 13)), /^SyntaxError: .*must end within it/);
});

Deno.test("stripWasm() leaves MuJoCo's code as it is, in less than half of the bytes", () => {
  const module = Deno.readFileSync(join(ROOT, "node_modules/@mujoco/mujoco/mujoco.wasm"));
  const stripped = stripWasm(module);
  assert.ok(stripped.length < module.length / 2, `${stripped.length} of ${module.length}`);
  const code = (bytes: Uint8Array) =>
    listSections(bytes).filter(({ id }) => id !== 0).map(({ bytes }) => bytes);
  assert.deepEqual(code(stripped), code(module));
  assert.ok(WebAssembly.validate(stripped));
});
