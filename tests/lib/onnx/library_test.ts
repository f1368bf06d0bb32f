/** Loading ONNX Runtime's library, and its absence. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { checkStatus, findLibrary, loadLibrary, toCString } from "../../../lib/onnx/library.ts";

Deno.test("findLibrary() finds the file of this platform", () => {
  assert.ok(existsSync(findLibrary()));
});

Deno.test("loadLibrary() gives functions whose errors checkStatus() throws", () => {
  const api = loadLibrary();
  const none = new BigUint64Array(1);
  const options = new BigUint64Array(1);
  checkStatus(api, api.createSessionOptions(options));
  const settings = Deno.UnsafePointer.create(options[0]);
  checkStatus(api, api.createEnv(4, toCString("test"), none));
  const env = Deno.UnsafePointer.create(none[0]);
  const model = new Uint8Array(3);
  assert.throws(
    () => checkStatus(api, api.createSessionFromArray(env, model, 3n, settings, none)),
    /model/,
  );
  api.releaseSessionOptions(settings);
  api.releaseEnv(env);
});

Deno.test("loadLibrary() says which file is missing", () => {
  assert.throws(() => loadLibrary("/nowhere/libonnxruntime.so.1"), {
    message:
      /^Cannot load ONNX Runtime: "\/nowhere\/libonnxruntime.so.1" must be its library, got /,
  });
});
