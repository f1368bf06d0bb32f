/** Sessions on bound memory: ONNX Runtime's C interface on the CPU. */

import assert from "node:assert/strict";
import { trace } from "../../../../lib/autodiff/graph.ts";
import { add, mul } from "../../../../lib/autodiff/tensor.ts";
import { BoundSession } from "../../../../lib/onnx/bound/bound_session.ts";
import { Block, createHostMemory } from "../../../../lib/onnx/bound/memory.ts";
import { RuntimeApi } from "../../../../lib/onnx/bound/runtime_api.ts";
import { exportOnnx } from "../../../../lib/onnx/export.ts";
import { loadRuntime } from "../../../../lib/onnx/session.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const memory = createHostMemory();

function exportSum(): Uint8Array<ArrayBuffer> {
  const graph = trace({ x: [2], y: [2] }, ({ x, y }) => ({ z: add(mul(x, 2), y) }));
  return exportOnnx(graph, { name: "sum" }) as Uint8Array<ArrayBuffer>;
}

Deno.test("BoundSession computes from blocks into blocks, also in place", linux, async () => {
  await loadRuntime();
  const block = new Block(memory, 512);
  const shape = [2];
  const tensors = { x: { block, offset: 0, shape }, y: { block, offset: 256, shape } };
  const session = new BoundSession(new RuntimeApi(), exportSum(), {
    memory,
    isCaptured: false,
    inputs: tensors,
    outputs: { z: tensors.y },
  });
  block.upload(0, Float32Array.of(1, -1));
  const z = new Float32Array(2);
  session.run(); // y = 2 x + 0
  session.run(); // y = 2 x + 2 x
  block.download(256, z);
  assert.deepEqual(z, Float32Array.of(4, -4));
  session.release();
  block.release();
});

Deno.test("BoundSession says in one line what ONNX Runtime does not accept", linux, async () => {
  await loadRuntime();
  const api = new RuntimeApi();
  const block = new Block(memory, 256);
  const [x, wide] = [[2], [80]].map((shape) => ({ block, offset: 0, shape }));
  const options = { memory, isCaptured: false, inputs: { x, y: x }, outputs: { z: x } };
  const make = (changes: object, model = exportSum()) =>
    new BoundSession(api, model, { ...options, ...changes });
  assert.throws(() => make({}, Uint8Array.of(1, 2, 3)), {
    message: /^Cannot load model: ONNX Runtime must accept it, got [^\n]+$/,
  });
  assert.throws(() => make({ inputs: { x, why: x } }), {
    message: /^Cannot bind input: ONNX Runtime must accept it, got [^\n]*why[^\n]*$/,
  });
  assert.throws(() => make({ inputs: { x, y: wide } }), {
    name: "RangeError",
    message: 'Cannot bind tensor "y": it must end within 256 bytes, got 320',
  });
  const unbound = make({ inputs: { x } });
  assert.throws(() => unbound.run(), {
    message: /^Cannot run model: ONNX Runtime must accept it, got [^\n]+$/,
  });
  unbound.release();
  unbound.release(); // nothing is freed twice
});
