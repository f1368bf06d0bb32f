import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readCheckoutCommit, readVersions } from "../../../lib/system/version.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

async function commitOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [file, text] of Object.entries(files)) {
      await Deno.mkdir(join(folder, file, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, file), text);
    }
    return readCheckoutCommit(pathToFileURL(`${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readCheckoutCommit() follows a branch, a packed branch and a bare commit", async () => {
  const HEAD = "ref: refs/heads/main\n";
  assert.equal(await commitOf({ HEAD, "refs/heads/main": `${COMMIT}\n` }), COMMIT);
  const packed = `# pack-refs with: peeled\n${COMMIT} refs/heads/main\n`;
  assert.equal(await commitOf({ HEAD, "packed-refs": packed }), COMMIT);
  assert.equal(await commitOf({ HEAD: `${COMMIT}\n` }), COMMIT);
});

Deno.test("readCheckoutCommit() says unknown where nothing tells the commit", async () => {
  assert.equal(await commitOf({}), "unknown");
  assert.equal(await commitOf({ HEAD: "ref: refs/heads/other\n", "packed-refs": "" }), "unknown");
  assert.equal(await commitOf({ HEAD: "<script>" }), "unknown");
});

Deno.test("readVersions() gives the versions of the packages that are installed", () => {
  const installed = (name: string) => {
    const file = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
    return JSON.parse(Deno.readTextFileSync(file)).version;
  };
  const versions = readVersions();
  assert.equal(versions.onnxruntime, installed("onnxruntime-node"));
  assert.equal(versions.mujoco, installed("@mujoco/mujoco"));
});
