/** Sessions: lazy loading, arrays used in place, names, errors. */

import assert from "node:assert/strict";
import { trace } from "../../../lib/autodiff/graph.ts";
import * as t from "../../../lib/autodiff/tensor.ts";
import { exportOnnx } from "../../../lib/onnx/export.ts";
import { createSession, type Session } from "../../../lib/onnx/session.ts";

const graph = trace({ x: ["B", 2], s: [] }, ({ x, s }) => ({
  sum: t.add(x, s),
  product: t.mul(x, s),
  best: t.argMax(x, 1),
}));

async function withSession(action: (session: Session) => Promise<void>): Promise<void> {
  const session = await createSession(exportOnnx(graph, { name: "g" }), { threads: 1 });
  try {
    await action(session);
  } finally {
    await session.release();
  }
}

const s = { data: Float32Array.of(10), shape: [] };

/** Runs code after `createSession` was imported; tells whether the native library is mapped. */
async function loadsRuntime(code: string): Promise<boolean> {
  const module = new URL("../../../lib/onnx/session.ts", import.meta.url).href;
  const program = `
    const { createSession } = await import(${JSON.stringify(module)});
    ${code}
    console.log(Deno.readTextFileSync("/proc/self/maps").includes("libonnxruntime.so"));
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  return new TextDecoder().decode(stdout).trim() === "true";
}

Deno.test({
  name: "createSession() loads ONNX Runtime, the import of its module does not",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assert.equal(await loadsRuntime(""), false);
    assert.equal(
      await loadsRuntime("await createSession(new Uint8Array(1)).catch(() => {});"),
      true,
    );
  },
});

Deno.test("createSession() names inputs and outputs in the graph's order", () =>
  withSession((session) => {
    assert.deepEqual(session.inputNames, ["x", "s"]);
    assert.deepEqual(session.outputNames, ["sum", "product", "best"]);
    return Promise.resolve();
  }));

Deno.test("run() computes every output for any batch size", () =>
  withSession(async (session) => {
    for (const rows of [1, 3]) {
      const data = Float32Array.from({ length: 2 * rows }, (_, i) => i);
      const { sum, product, best } = await session.run({ x: { data, shape: [rows, 2] }, s });
      assert.deepEqual([...sum.data], [...data].map((value) => value + 10));
      assert.deepEqual([...product.data], [...data].map((value) => value * 10));
      assert.deepEqual([...best.data], Array(rows).fill(1n));
      assert.deepEqual(sum.shape, [rows, 2]);
    }
  }));

Deno.test("run() reads and writes views of larger arrays in place", () =>
  withSession(async (session) => {
    const input = Float32Array.of(-1, 1, 2, -1);
    const output = new Float32Array(5);
    const target = { data: output.subarray(2, 4), shape: [1, 2] };
    const results = await session.run(
      { x: { data: input.subarray(1, 3), shape: [1, 2] }, s },
      { product: target },
    );
    assert.equal(results.product, target);
    assert.deepEqual(Object.keys(results), ["product"]);
    assert.deepEqual([...output], [0, 0, 10, 20, 0]);
    // The same objects again: the input is read anew.
    input[1] = 3;
    await session.run({ x: { data: input.subarray(1, 3), shape: [1, 2] }, s }, { product: target });
    assert.deepEqual([...output], [0, 0, 30, 20, 0]);
  }));

Deno.test("run() gives a subset of outputs under their own names", () =>
  withSession(async (session) => {
    const x = { data: Float32Array.of(1, 2), shape: [1, 2] };
    const { best, product } = await session.run({ x, s }, { best: null, product: null });
    assert.deepEqual([...best.data], [1n]);
    assert.deepEqual([...product.data], [10, 20]);
  }));

Deno.test("run() rejects unknown names, missing inputs and wrong shapes", () =>
  withSession(async (session) => {
    const x = { data: Float32Array.of(1, 2), shape: [1, 2] };
    await assert.rejects(session.run({ x }), {
      name: "TypeError",
      message: 'Cannot run model: input "s" must be given, got x',
    });
    await assert.rejects(session.run({ x, s, y: s }), {
      name: "TypeError",
      message: 'Cannot run model: inputs must be one of x,s, got "y"',
    });
    await assert.rejects(session.run({ x, s }, { y: null }), {
      name: "TypeError",
      message: 'Cannot run model: outputs must be one of sum,product,best, got "y"',
    });
    await assert.rejects(session.run({ x: { ...x, shape: [2, 1] }, s }), {
      message: /^Cannot run model: ONNX Runtime must accept it, got /,
    });
    await assert.rejects(session.run({ x: { ...x, shape: [2, 2] }, s }), /size/);
    await assert.rejects(
      session.run({ x, s }, { sum: { data: new Float32Array(4), shape: [2, 2] } }),
      /sum/,
    );
  }));

Deno.test("runInPlace() writes the given arrays and nothing else", async () => {
  const session = await createSession(exportOnnx(graph, { name: "g", inPlace: true }), {
    threads: 1,
  });
  const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
  const room = new Float32Array(6).fill(-1);
  const product = { data: room.subarray(1, 5), shape: [2, 2] };
  for (const factor of [10, 3]) { // a run that "fails" at its end leaves the session as it was
    await session.runInPlace({ x, s: { data: Float32Array.of(factor), shape: [] } }, { product });
    assert.deepEqual([...room], [-1, factor, 2 * factor, 3 * factor, 4 * factor, -1]);
  }
  await assert.rejects(session.runInPlace({ x, s }, { nope: product }), {
    name: "TypeError",
    message: 'Cannot run model: outputs must be one of nothing#,sum,product,best, got "nope"',
  });
  await assert.rejects(session.runInPlace({ x }, { product }), {
    message: 'Cannot run model: input "s" must be given, got x',
  });
  const narrow = { data: new Float32Array(3), shape: [1, 3] };
  await assert.rejects(
    session.runInPlace({ x: narrow, s }, { product }),
    /Cannot run model: ONNX Runtime must accept it, got .*Got: 3 Expected: 2/s,
  );
  await session.release();
  await withSession(async (plain) => {
    await assert.rejects(plain.runInPlace({ x, s }, { product }), {
      message: 'Cannot run model: outputs must be one of sum,product,best, got "nothing#"',
    });
  });
});

Deno.test("createSession() rejects what is no model", async () => {
  await assert.rejects(createSession(new Uint8Array([1, 2, 3])), {
    message: /^Cannot load model: ONNX Runtime must accept it, got /,
  });
});
