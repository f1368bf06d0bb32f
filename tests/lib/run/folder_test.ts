import assert from "node:assert/strict";
import { join } from "node:path";
import { readRunConfig } from "../../../lib/run/folder.ts";
import { FileError } from "../../../lib/system/errors.ts";
import { makeFastFolder } from "../../support/fast_folder.ts";

Deno.test("readRunConfig() names the file where an option does not count, or no environment is named", () => {
  const folder = makeFastFolder();
  try {
    const path = join(folder, "config.toml");
    Deno.writeTextFileSync(path, 'env = "CartPole-v1"\n[returns]\nrange = [0, 1]\n');
    assert.throws(() => readRunConfig(folder), (error) => {
      assert.ok(error instanceof FileError);
      assert.ok(error.message.startsWith('Cannot set option "returns.range" from file "'));
      assert.ok(error.message.includes(path));
      return true;
    });
    Deno.writeTextFileSync(path, "seed = 1\n");
    assert.throws(
      () => readRunConfig(folder),
      /^FileError: Cannot read configuration ".*": that of a run must name an environment, got none$/,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
