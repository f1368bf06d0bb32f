import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../../lib/system/errors.ts";
import { fileErrorOf, withFileErrors } from "../../../lib/system/file_errors.ts";
import {
  childPath,
  hashHex,
  HEAD_BYTES,
  isThere,
  lstatOf,
  makeFolder,
  makeOwnFolder,
  namesIn,
  openOwnFile,
  readFileLimited,
  removeTemporaries,
  writeFileAtomic,
} from "../../../lib/system/files.ts";

function inFolder(test: (folder: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof FileError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test(
  "writeFileAtomic() writes text, bytes and pieces, and leaves no other file",
  inFolder((folder) => {
    const path = join(folder, "a");
    writeFileAtomic(path, "old text");
    writeFileAtomic(path, Uint8Array.of(1, 2));
    assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(1, 2));
    writeFileAtomic(path, [Uint8Array.of(3), new Uint8Array(0), Uint8Array.of(4, 5)]);
    assert.deepEqual(Deno.readFileSync(path), Uint8Array.of(3, 4, 5));
    assert.deepEqual(names(folder), ["a"]);
  }),
);

Deno.test(
  "writeFileAtomic() replaces the file behind a link that the user named, not the link",
  inFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "real"), "old");
    Deno.symlinkSync("real", join(folder, "link"));
    writeFileAtomic(join(folder, "link"), "new", { followLinks: true });
    assert.equal(Deno.readTextFileSync(join(folder, "real")), "new");
    assert.ok(Deno.lstatSync(join(folder, "link")).isSymlink);
  }),
);

Deno.test({
  name: "writeFileAtomic() and openOwnFile() follow no link from a name that the program chose",
  ignore: Deno.build.os === "windows",
  fn: inFolder((folder) => {
    const real = join(folder, "real");
    Deno.writeTextFileSync(real, "old");
    Deno.mkdirSync(join(folder, "sub"));
    const planted = join(folder, "report.html");
    for (const target of ["real", "nowhere", "sub"]) {
      Deno.symlinkSync(target, planted);
      const message = /report.html": it must be a regular file, got a link$/;
      refuses(() => writeFileAtomic(planted, "new", { kind: "report" }), message);
      for (const create of [true, false]) {
        refuses(
          () => withFileErrors("open", { path: planted }, () => openOwnFile(planted, { create })),
          message,
        );
      }
      Deno.removeSync(planted);
    }
    assert.ok(new Deno.Command("mkfifo", { args: [planted] }).outputSync().success);
    refuses(() => writeFileAtomic(planted, "new"), /must be a regular file, got a pipe$/);
    assert.throws(() => openOwnFile(planted), /must be a regular file, got a pipe$/);
    assert.equal(Deno.readTextFileSync(real), "old");
    assert.deepEqual(names(folder), ["real", "report.html", "sub"]);
  }),
});

Deno.test({
  name: "writeFileAtomic() writes into no temporary file that is there already",
  ignore: Deno.build.os === "windows",
  fn: inFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "real"), "old");
    Deno.symlinkSync("real", join(folder, `.a.${Deno.pid}.tmp`));
    Deno.symlinkSync("fresh", join(folder, `.a.${Deno.pid}-1.tmp`));
    writeFileAtomic(join(folder, "a"), "new");
    assert.equal(Deno.readTextFileSync(join(folder, "a")), "new");
    assert.equal(Deno.readTextFileSync(join(folder, "real")), "old");
    assert.ok(!names(folder).includes("fresh"));
  }),
});

Deno.test({
  name: "writeFileAtomic() keeps the permissions of the file that it replaces",
  ignore: Deno.build.os === "windows",
  fn: inFolder((folder) => {
    const path = join(folder, "a");
    for (const mode of [0o600, 0o640, 0o444]) {
      Deno.writeTextFileSync(path, "old");
      Deno.chmodSync(path, mode);
      for (const followLinks of [true, false]) {
        writeFileAtomic(path, "new", { followLinks });
        assert.equal(Deno.statSync(path).mode! & 0o777, mode);
      }
      Deno.removeSync(path);
    }
  }),
});

Deno.test({
  name: "writeFileAtomic() says that a full device is full",
  ignore: Deno.build.os !== "linux", // the device that is always full is Linux's
  fn: () => {
    refuses(
      () => writeFileAtomic("/dev/full", "text", { kind: "policy", followLinks: true }),
      /^Cannot write policy "\/dev\/full": there is no space left on the device$/,
    );
    assert.ok(Deno.statSync("/dev/full").isCharDevice);
    refuses(
      () => writeFileAtomic("/dev/full", "text"),
      /must be a regular file, got a device or socket$/,
    );
  },
});

Deno.test(
  "writeFileAtomic() leaves the old file when the new one cannot be written",
  inFolder((folder) => {
    makeFolder(join(folder, "sub/deeper"));
    refuses(
      () => writeFileAtomic(join(folder, "sub"), "x"),
      /^Cannot write file ".*sub": it is a folder$/,
    );
    refuses(
      () => writeFileAtomic(join(folder, "none/a"), "x"),
      /^Cannot write file ".*none\/a": there is no such file or folder$/,
    );
    Deno.writeTextFileSync(join(folder, "a"), "old");
    refuses(
      () => writeFileAtomic(join(folder, "a/b"), "x"),
      /^Cannot write file ".*a\/b": a part of its path is not a folder$/,
    );
    refuses(() => makeFolder(join(folder, "a/b")), /^Cannot write folder ".*": /);
    assert.equal(Deno.readTextFileSync(join(folder, "a")), "old");
    assert.deepEqual(names(folder), ["a", "sub"]);
  }),
);

Deno.test(
  "writeFileAtomic() takes a name as long as the file system allows",
  inFolder((folder) => {
    writeFileAtomic(join(folder, "a".repeat(255)), "x");
    refuses(() => writeFileAtomic(join(folder, "a".repeat(256)), "x"), /: its name is too long$/);
    assert.deepEqual(names(folder), ["a".repeat(255)]);
  }),
);

Deno.test(
  "readFileLimited() reads up to the limit and refuses what is longer",
  inFolder((folder) => {
    const path = join(folder, "a");
    for (const length of [0, 1, 10]) {
      Deno.writeFileSync(path, new Uint8Array(length).fill(7));
      assert.deepEqual(readFileLimited(path, { maxBytes: 10 }), new Uint8Array(length).fill(7));
    }
    Deno.truncateSync(path, 2 ** 40); // a sparse file: 1 TiB that takes no space
    refuses(
      () => readFileLimited(path, { maxBytes: 10, kind: "policy" }),
      /^Cannot read policy ".*a": it must hold at most 10 bytes, got 1099511627776$/,
    );
    refuses(() => readFileLimited(folder, { maxBytes: 10 }), /: it is a folder$/);
    refuses(
      () => readFileLimited(join(folder, "none"), { maxBytes: 10 }),
      /^Cannot read file ".*none": there is no such file or folder$/,
    );
  }),
);

Deno.test({
  name: "readFileLimited() opens no pipe and no device, which may never end",
  ignore: Deno.build.os === "windows",
  fn: inFolder((folder) => {
    const pipe = join(folder, "pipe");
    assert.ok(new Deno.Command("mkfifo", { args: [pipe] }).outputSync().success);
    Deno.symlinkSync(pipe, join(folder, "link"));
    for (const path of [pipe, join(folder, "link")]) {
      refuses(
        () => readFileLimited(path, { maxBytes: 10, kind: "policy" }),
        /^Cannot read policy ".*": it must be a regular file, got a pipe$/,
      );
    }
    for (const path of ["/dev/zero", "/dev/null"]) {
      refuses(() => readFileLimited(path, { maxBytes: 10 }), /got a device or socket$/);
    }
  }),
});

Deno.test(
  "readFileLimited() shows the first bytes before it takes memory for the rest",
  inFolder((folder) => {
    const path = join(folder, "a");
    Deno.writeFileSync(path, Uint8Array.of(7, 8, 9));
    Deno.truncateSync(path, 2 ** 40);
    refuses(
      () =>
        readFileLimited(path, {
          maxBytes: 2 ** 41,
          checkHead(head, size) {
            assert.deepEqual([head.length, head[0], size], [HEAD_BYTES, 7, 2 ** 40]);
            throw new FileError("Cannot read this: 7");
          },
        }),
      /^Cannot read this: 7$/,
    );
    Deno.truncateSync(path, HEAD_BYTES + 5);
    const bytes = readFileLimited(path, { maxBytes: 2 ** 20 });
    assert.deepEqual([bytes.length, bytes[2], bytes.at(-1)], [HEAD_BYTES + 5, 9, 0]);
  }),
);

Deno.test("fileErrorOf() names the reason and keeps a FileError as it is", () => {
  const same = new FileError("Cannot read x");
  assert.equal(fileErrorOf(same, "write", { path: "y" }), same);
  assert.equal(
    fileErrorOf({ code: "EROFS" }, "write", { path: "y" }).message,
    'Cannot write file "y": the file system is read-only',
  );
  assert.equal(
    fileErrorOf(new Error("odd"), "remove", { path: "y" }).message,
    'Cannot remove file "y": odd',
  );
  assert.equal(
    fileErrorOf(new Deno.errors.NotCapable("no"), "read", { path: "y" }).message,
    'Cannot read file "y": this program is not permitted to go there',
  );
});

Deno.test(
  "removeTemporaries() removes what a killed write left and nothing else",
  inFolder((folder) => {
    for (const name of [".a.bin.123.tmp", "a.bin", ".hidden", "b.tmp"]) {
      Deno.writeTextFileSync(join(folder, name), "");
    }
    const old = join(folder, ".b.7-1.tmp");
    Deno.writeTextFileSync(old, "");
    Deno.utimeSync(old, new Date(1000), new Date(1000));
    removeTemporaries(folder, new Date(2000));
    assert.deepEqual(names(folder), [".a.bin.123.tmp", ".hidden", "a.bin", "b.tmp"]);
    removeTemporaries(folder);
    assert.deepEqual(names(folder), [".hidden", "a.bin", "b.tmp"]);
  }),
);

Deno.test(
  "makeOwnFolder() makes a folder, and takes no link for one",
  inFolder((folder) => {
    const path = join(folder, "checkpoint");
    makeOwnFolder(path);
    makeOwnFolder(path);
    Deno.symlinkSync(path, join(folder, "link"));
    refuses(
      () => makeOwnFolder(join(folder, "link")),
      /^Cannot write folder ".*link": it must be a folder, got a link$/,
    );
    refuses(() => makeOwnFolder(join(folder, "none/a")), /: there is no such file or folder$/);
  }),
);

Deno.test(
  "isThere() and namesIn() say what cannot be seen",
  inFolder((folder) => {
    const loop = join(folder, "loop");
    Deno.symlinkSync("loop", loop);
    Deno.writeTextFileSync(join(folder, "b"), "");
    assert.deepEqual(namesIn(folder), ["b", "loop"]);
    assert.deepEqual([isThere(join(folder, "b")), isThere(join(folder, "none"))], [true, false]);
    assert.deepEqual([lstatOf(loop)?.isSymlink, lstatOf(join(folder, "none"))], [true, undefined]);
    refuses(() => isThere(loop), /^Cannot read file ".*loop": its path holds too many links$/);
    refuses(() => namesIn(loop), /^Cannot read folder ".*loop": its path holds too many links$/);
    refuses(() => isThere(join(folder, "x".repeat(300))), /: its name is too long$/);
  }),
);

Deno.test("childPath() keeps every name inside the folder", () => {
  assert.equal(childPath("run", "a.bin"), join("run", "a.bin"));
  for (const name of ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "C:a", "a\0"]) {
    refuses(
      () => childPath("run", name),
      /^Cannot open file in "run": name must be a plain file name, got/,
    );
  }
});

Deno.test("hashHex() is SHA-256, whole or in pieces", () => {
  // Source: FIPS 180-2, appendix B.1.
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(hashHex(new TextEncoder().encode("abc")), abc);
  assert.equal(hashHex([Uint8Array.of(97), Uint8Array.of(98, 99)]), abc);
});
