import assert from "node:assert/strict";
import fc from "fast-check";
import { FileError } from "../../../lib/system/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  requireTensor,
  safetensorsChunks,
  type Tensor,
} from "../../../lib/formats/safetensors.ts";

// Source: Python safetensors 0.8.0, safetensors.numpy.save of the tensors asserted below, as base64.
const GOLDEN =
  "cAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJtYWRlIjoiYnkgUHl0aG9uIn0sIm4iOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlswLDhdfSwiYiI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzgsMTZdfSwidyI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMTYsNDBdfSwidSI6eyJkdHlwZSI6IlUzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzQwLDQ0XX0sImkiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls0NCw1Ml19LCJ1OCI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbNTIsNTVdfX0gIAAAAAAAAACAAAAAAAAA+L8AAAAAAACAPgAAAD8AAEA/AACAPwAAoD//////AQAAAP7///8BAv8=";

const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc.float32Array({ maxLength: 9 }).map((data) => made("F32", data)),
  fc.float64Array({ maxLength: 9 }).map((data) => made("F64", data)),
  fc.int32Array({ maxLength: 9 }).map((data) => made("I32", data)),
  fc.uint32Array({ maxLength: 9 }).map((data) => made("U32", data)),
  fc.bigInt64Array({ maxLength: 9 }).map((data) => made("I64", data)),
  fc.uint8Array({ maxLength: 9 }).map((data) => made("U8", data)),
);

function made<D extends Tensor["dtype"]>(dtype: D, data: Tensor<D>["data"]): Tensor {
  return { dtype, shape: [1, data.length], data } as unknown as Tensor;
}

function file(header: unknown, data = new Uint8Array(0)): Uint8Array {
  return raw(typeof header === "string" ? header : JSON.stringify(header), data);
}

function raw(header: string, data = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

Deno.test("decodeSafetensors() reads a file written by Python's safetensors", () => {
  const bytes = Uint8Array.from(atob(GOLDEN), (c) => c.charCodeAt(0));
  const { tensors, metadata } = decodeSafetensors(bytes, { name: "golden" });
  assert.deepEqual({ ...metadata }, { made: "by Python" });
  assert.equal(tensors.size, 6);
  assert.deepEqual(tensors.get("w")!.shape, [2, 3]);
  assert.deepEqual(tensors.get("w")!.data, Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25));
  assert.deepEqual(tensors.get("b")!.data, Float64Array.of(-1.5));
  assert.deepEqual(tensors.get("i")!.data, Int32Array.of(1, -2));
  assert.deepEqual(tensors.get("u8")!.data, Uint8Array.of(1, 2, 255));
  assert.deepEqual(tensors.get("n")!.data, BigInt64Array.of(-(2n ** 63n)));
  assert.deepEqual(tensors.get("u")!.data, Uint32Array.of(2 ** 32 - 1));
});

Deno.test("encodeSafetensors() writes the bytes that Python's safetensors writes", () => {
  const bytes = Uint8Array.from(atob(GOLDEN), (c) => c.charCodeAt(0));
  const { tensors, metadata } = decodeSafetensors(bytes, { name: "golden" });
  assert.deepEqual(encodeSafetensors(new Map([...tensors].reverse()), metadata), bytes);
});

Deno.test("decodeSafetensors() gives back what encodeSafetensors() wrote, at any alignment", () => {
  const names = fc.string({ unit: "grapheme" })
    .filter((name) => name !== "__proto__" && name !== "__metadata__");
  const entries = fc.uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name });
  const metadata = fc.dictionary(fc.string().filter((key) => key !== "__proto__"), fc.string());
  fc.assert(fc.property(entries, metadata, fc.nat(7), (list, notes, shift) => {
    const bytes = encodeSafetensors(new Map(list), notes);
    const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
    shifted.set(bytes);
    const read = decodeSafetensors(shifted, { name: "x" });
    assert.deepEqual(new Map([...read.tensors].sort()), new Map([...list].sort()));
    assert.deepEqual({ ...read.metadata }, { ...notes });
  }));
});

Deno.test("encodeSafetensors() gives the same bytes whatever the order of insertion", () => {
  fc.assert(fc.property(
    fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), tensor), { selector: ([name]) => name }),
    (list) => {
      const entries = list.filter(([name]) => name !== "__proto__");
      const there = encodeSafetensors(new Map(entries), { a: "1", b: "2" });
      const back = encodeSafetensors(new Map(entries.toReversed()), { b: "2", a: "1" });
      assert.deepEqual(there, back);
    },
  ));
});

Deno.test("safetensorsChunks() gives views of the tensors' own memory", () => {
  const data = Float32Array.of(1, 2, 3);
  const chunks = safetensorsChunks(new Map([["w", { dtype: "F32", shape: [3], data }]]));
  assert.equal(chunks.length, 2);
  assert.equal(chunks[0].length % 8, 0);
  assert.equal(chunks[1].buffer, data.buffer);
});

Deno.test("encodeSafetensors() refuses a shape that does not match and reserved names", () => {
  const data = new Float32Array(5);
  assert.throws(
    () => encodeSafetensors(new Map([["w", { dtype: "F32", shape: [2, 3], data }]])),
    /^TypeError: Cannot encode safetensors: tensor "w" of shape \[2, 3\] must hold 6 elements, got 5$/,
  );
  assert.throws(
    () => encodeSafetensors(new Map([["__metadata__", { dtype: "F32", shape: [5], data }]])),
    /tensor name must not be reserved, got "__metadata__"$/,
  );
});

Deno.test("decodeSafetensors() refuses every kind of damage with one clear line", () => {
  const four = new Uint8Array(4);
  const f32 = (begin: number, end: number, shape: unknown = [1]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const huge = new Uint8Array(16);
  huge.fill(0xff, 0, 8);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(7), /file must hold at least 8 bytes, got 7$/],
    [huge, /header must fit the file of 16 bytes and 4194304, got 18446744073709551615$/],
    [raw(" {}"), /header must begin with "\{"$/],
    [raw("[]"), /header must begin with "\{"$/],
    [raw("{"), /there must be a key at character 1, got the end of the text$/],
    [raw('{"w": 1}'), /tensor "w" must be described by an object$/],
    [file({ w: { ...f32(0, 4), dtype: "F16" } }, four), /must have dtype .*, got "F16"$/],
    [file({ w: { ...f32(0, 4), dtype: "toString" } }, four), /got "toString"$/],
    [file({ w: f32(0, 4, [-1]) }, four), /must have a shape of at most 16 whole numbers$/],
    [file({ w: f32(0, 4, [1.5]) }, four), /must have a shape of at most 16 whole numbers$/],
    [file({ w: f32(0, 4, Array(17).fill(1)) }, four), /shape of at most 16 whole numbers$/],
    [file({ w: f32(0, 4, [2 ** 52, 2 ** 52]) }, four), /must take 8.*e\+31 bytes, got 4$/],
    [file({ w: f32(0, 4, [2]) }, four), /of shape \[2\] must take 8 bytes, got 4$/],
    [file({ w: f32(4, 0) }, four), /must take 4 bytes, got -4$/],
    [file({ w: { ...f32(0, 4), data_offsets: [0] } }, four), /must have two data_offsets/],
    [file({ w: f32(4, 8) }, new Uint8Array(8)), /tensor "w" must begin at 0, got 4$/],
    [file({ a: f32(0, 4), b: f32(0, 4) }, four), /tensor "b" must begin at 4, got 0$/],
    [file({ w: f32(0, 4) }, new Uint8Array(3)), /data must be 4 bytes long, got 3$/],
    [file({ w: f32(0, 4) }, new Uint8Array(5)), /data must be 4 bytes long, got 5$/],
    [raw('{"a": 1, "a": 2}'), /key "a" is given twice$/],
    [raw('{"__proto__": {}}'), /key "__proto__" is not allowed$/],
    [raw('{"a": {"b": [[]]}}'), /nesting must be at most 3 deep/],
    [file({ __metadata__: { a: 1 } }), /metadata "a" must be a string$/],
    [file({ __metadata__: [] }), /__metadata__ must be an object of strings$/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeSafetensors(bytes, { name: "x" }), (error) => {
      assert.ok(error instanceof FileError);
      assert.ok(error.message.startsWith('Cannot read safetensors "x": '), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("decodeSafetensors() accepts empty files, scalars and empty tensors", () => {
  assert.equal(decodeSafetensors(raw("{}"), { name: "x" }).tensors.size, 0);
  const scalar = { dtype: "F32", shape: [], data: Float32Array.of(7) } as const;
  const empty = { dtype: "F64", shape: [0, 4], data: new Float64Array(0) } as const;
  const read = decodeSafetensors(
    encodeSafetensors(new Map<string, Tensor>([["s", scalar], ["e", empty]])),
    {
      name: "x",
    },
  );
  assert.deepEqual(read.tensors.get("s"), scalar);
  assert.deepEqual(read.tensors.get("e"), empty);
});

Deno.test("requireTensor() gives the tensor or says what is wrong with it", () => {
  const data = Float32Array.of(1, 2);
  const here = { tensors: new Map<string, Tensor>([["w", { dtype: "F32", shape: [2], data }]]) };
  assert.equal(requireTensor(here, "w", { name: "x", dtype: "F32", shape: [2] }).data, data);
  const refuse = (run: () => unknown, message: RegExp) => assert.throws(run, message);
  refuse(
    () => requireTensor(here, "v", { name: "x", dtype: "F32" }),
    /^FileError: Cannot read safetensors "x": tensor "v" must be there, got no tensor of that name$/,
  );
  refuse(() => requireTensor(here, "w", { name: "x", dtype: "F64" }), /must be F64, got F32$/);
  refuse(
    () => requireTensor(here, "w", { name: "x", dtype: "F32", shape: [1, 2] }),
    /must have shape \[1, 2\], got \[2\]$/,
  );
});
