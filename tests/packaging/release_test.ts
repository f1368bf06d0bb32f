import assert from "node:assert/strict";
import { join } from "node:path";
import { PLATFORMS, readProject, ROOT } from "./payload.ts";
import { SUMS_FILE, writeSums } from "./sums.ts";

Deno.test("writeSums() writes what sha256sum checks", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "b"), "");
    await Deno.writeTextFile(join(folder, "a"), "abc");
    // FIPS 180-4's example, and the hash of nothing.
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n";
    assert.equal(writeSums(folder), expected);
    assert.equal(writeSums(folder), expected); // not of its own file
    assert.equal(await Deno.readTextFile(join(folder, SUMS_FILE)), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the release workflow calls tasks that exist, for every platform", async () => {
  const text = await Deno.readTextFile(join(ROOT, ".github", "workflows", "release.yml"));
  const { tasks } = readProject();
  const called = [...text.matchAll(/deno task ([a-z-]+)/g)].map(([, task]) => task);
  assert.deepEqual([...new Set(called)].sort(), ["compile", "main-job", "pack", "sums"]);
  for (const task of called) assert.ok(Object.hasOwn(tasks, task), task);
  const targets = [...text.matchAll(/target: ([a-z0-9_-]+), suffix: "([^"]*)"/g)];
  assert.deepEqual(
    Object.fromEntries(targets.map(([, target, suffix]) => [target, suffix])),
    Object.fromEntries(
      Object.entries(PLATFORMS).map(([target, { suffix }]) => [target, suffix]),
    ),
  );
  for (const [, version] of text.matchAll(/deno-version: v(\S+) /g)) {
    assert.equal(version, Deno.version.deno);
  }
});
