import assert from "node:assert/strict";
import { makeFastFolder } from "../support/fast_folder.ts";
import { writeCostlyFiles } from "./costly_files.ts";

Deno.test({
  name: "small and sparse files take no more than 300 MB to be refused",
  ignore: Deno.build.os !== "linux", // which keeps the high-water mark
  async fn() {
    const folder = makeFastFolder();
    try {
      const program = new URL("./peak_memory.ts", import.meta.url).pathname;
      const { stdout, success } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "--v8-flags=--expose-gc", program]
          .concat(writeCostlyFiles(folder)),
      }).output();
      assert.ok(success);
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      assert.ok(lines.length > 10, `${lines.length} were read`);
      for (const line of lines) {
        const { outcome, megabytes } = JSON.parse(line);
        assert.equal(outcome, "FileError", line);
        assert.ok(megabytes < 300, line);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
