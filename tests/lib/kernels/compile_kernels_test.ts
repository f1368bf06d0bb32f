import assert from "node:assert/strict";
import { compileKernel, KERNEL_FOLDER, KERNEL_NAMES, printBytesModule } from "./compile_kernels.ts";

Deno.test("compileKernel() rebuilds the bytes kept in the repository", async () => {
  for (const name of KERNEL_NAMES) {
    const source = await Deno.readTextFile(new URL(`${name}.as.ts`, KERNEL_FOLDER));
    const kept = await Deno.readTextFile(new URL(`${name}_bytes.ts`, KERNEL_FOLDER));
    assert.equal(printBytesModule(name, await compileKernel(source)), kept);
    // The comparison notices a change of one operation in the source.
    const changed = await compileKernel(source.replace("f32x4.mul", "f32x4.add"));
    assert.notEqual(printBytesModule(name, changed), kept);
  }
});

Deno.test("compileKernel() rejects a source with an error", async () => {
  await assert.rejects(compileKernel("export function f(): i32 { return missing; }"), {
    name: "SyntaxError",
    message: /^Cannot compile kernel: the source must be valid, got .*Cannot find name 'missing'/,
  });
});
