/** The choice of threads: only where it is open, and only for small models. */

import assert from "node:assert/strict";
import { chooseThreads } from "../../../lib/onnx/threads.ts";

Deno.test("chooseThreads() gives small models one thread and leaves large ones to the runtime", () => {
  assert.deepEqual(chooseThreads({}, 1e6), { threads: 1 });
  assert.deepEqual(chooseThreads({}, 1e9), {});
});

Deno.test("chooseThreads() keeps what was asked for, and other devices as they are", () => {
  assert.deepEqual(chooseThreads({ threads: 2 }, 1), { threads: 2 });
  assert.deepEqual(chooseThreads({ device: "webgpu" }, 1), { device: "webgpu" });
});
