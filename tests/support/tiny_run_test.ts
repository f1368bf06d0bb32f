import assert from "node:assert/strict";
import { flattenConfig, listOptions } from "../../lib/config/config.ts";
import { TINY } from "./tiny_run.ts";

Deno.test("the small configuration sets every option", () => {
  const missing = listOptions().filter(({ rule }) => !rule.isRecorded).map(({ name }) => name)
    .filter((name) => !flattenConfig(TINY).has(name));
  assert.deepEqual(
    missing,
    [],
    "set the option in tests/support/tiny_run.ts to what changes nothing",
  );
});
