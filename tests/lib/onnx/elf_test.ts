import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import { readNeededLibraries } from "../../../lib/onnx/elf.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { ELF_PLACES, makeElf } from "../../support/elf_file.ts";
import { withFolder } from "../../support/tiny_command.ts";

const NEEDED = ["libcublas.so.13", "libcudart.so.13", "libc.so.6"];
const { segments, dynamic } = ELF_PLACES;

async function withFile(bytes: Uint8Array, test: (path: string) => void): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "lib.so");
    await Deno.writeFile(path, bytes);
    test(path);
  });
}

Deno.test("readNeededLibraries() lists what a library is linked with, in order", async () => {
  await withFile(makeElf(NEEDED), (path) => assert.deepEqual(readNeededLibraries(path), NEEDED));
  await withFile(makeElf([]), (path) => assert.deepEqual(readNeededLibraries(path), []));
});

const linux = { ignore: Deno.build.target !== "x86_64-unknown-linux-gnu" };

Deno.test("readNeededLibraries() reads a library that a compiler made", linux, () => {
  const path = new URL(
    "../../../node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node",
    import.meta.url,
  );
  assert.ok(readNeededLibraries(path.pathname).includes("libonnxruntime.so.1"));
});

/** A damaged file and what is said of it. */
const DAMAGED: readonly (readonly [bytes: Uint8Array, reason: RegExp])[] = [
  [new Uint8Array(), /: it must reach to byte 64, got 0 bytes$/],
  [new TextEncoder().encode("not a library".repeat(9)), /ELF library of 64 bits, got another kind/],
  [makeElf(NEEDED, { patches: [[4, 2, 0x0101]] }), /ELF library of 64 bits, got another kind/],
  [makeElf(NEEDED, { length: 100 }), /: it must reach to byte 176, got 100 bytes$/],
  [makeElf(NEEDED, { length: dynamic + 20 }), /: it must reach to byte 256, got 196 bytes$/],
  [makeElf(NEEDED, { length: 260 }), /: the names of libraries must be words, got ""$/],
  [makeElf(NEEDED, { patches: [[54, 2, 32]] }), /told in 56 bytes each, got 32$/],
  [makeElf(NEEDED, { patches: [[56, 2, 60000]] }), /at most 128 segments, got 60000$/],
  [makeElf(NEEDED, { patches: [[32, 8, 2 ** 52]] }), /: it must reach to byte 4503599627370608/],
  [makeElf(NEEDED, { patches: [[segments + 56, 4, 6]] }), /shared library, got no dynamic part$/],
  [
    makeElf(NEEDED, { patches: [[segments + 56 + 32, 8, 2 ** 40]] }),
    /at most 4096 entries, got 68719476736$/,
  ],
  [makeElf(NEEDED, { patches: [[dynamic + 48, 8, 99]] }), /names must lie in the file, got none$/],
  [
    makeElf(NEEDED, { patches: [[dynamic + 8, 8, 0]] }),
    /names of libraries must be words, got ""$/,
  ],
  [makeElf(NEEDED, { patches: [[dynamic + 8, 8, 2 ** 50]] }), /must be words, got ""$/],
  [makeElf(["a\x1b[31m.so"]), /must be words, got "a\\u001b\[31m.so"$/],
  [makeElf(Array.from({ length: 300 }, (_, i) => `l${i}`)), /at most 256 libraries, got 300$/],
];

Deno.test("readNeededLibraries() refuses damaged files with one line", async () => {
  for (const [bytes, reason] of DAMAGED) {
    await withFile(bytes, (path) => {
      assert.throws(() => readNeededLibraries(path), (error) => {
        assert.ok(error instanceof FileError);
        assert.ok(error.message.startsWith(`Cannot read library ${JSON.stringify(path)}: `));
        assert.match(error.message, reason);
        return true;
      });
    });
  }
  assert.throws(() => readNeededLibraries("/nowhere/lib.so"), {
    name: "FileError",
    message: /^Cannot read library "\/nowhere\/lib.so": it must be readable, got No such file/,
  });
});

Deno.test("readNeededLibraries() never fails in another way, whatever bytes are changed", async () => {
  const whole = makeElf(NEEDED);
  await withFolder((folder) => {
    const path = join(folder, "lib.so");
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at] = value;
        Deno.writeFileSync(path, bytes);
        try {
          assert.ok(readNeededLibraries(path).length <= NEEDED.length + 1);
        } catch (error) {
          assert.ok(error instanceof FileError, String(error));
        }
      }),
      { numRuns: 300 },
    );
    return Promise.resolve();
  });
});
