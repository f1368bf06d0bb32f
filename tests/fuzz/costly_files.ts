/**
 * Small files, and sparse ones, that ask for far more memory or time than they take: each stands for a
 * kind that once took gigabytes. `peak_memory.ts` reads one in a process of its own.
 */

import { join } from "node:path";
import { sealOnnx } from "../../lib/formats/checksum.ts";
import { encodeModel, type OnnxModel } from "../../lib/onnx/writer.ts";

const MEGABYTE = 1e6;

/** A large file of one piece over and over. */
function repeat(head: string, piece: string, tail = ""): (path: string) => void {
  return (path) => {
    const times = Math.floor(10 * MEGABYTE / piece.length);
    Deno.writeTextFileSync(path, head + piece.repeat(times) + tail);
  };
}

/** A file that claims two gigabytes and takes none. */
function sparse(head: Uint8Array | string): (path: string) => void {
  return (path) => {
    const bytes = typeof head === "string" ? new TextEncoder().encode(head) : head;
    Deno.writeFileSync(path, bytes);
    Deno.truncateSync(path, 2 * 2 ** 30);
  };
}

function model(changes: Partial<OnnxModel>): (path: string) => void {
  return (path) => {
    const bytes = encodeModel({
      irVersion: 10,
      opset: 21,
      producer: "",
      graphName: "g",
      docString: "",
      metadata: { environment: "CartPole-v1" },
      nodes: [],
      initializers: [],
      inputs: [{ name: "observation", type: "float32", shape: ["N", 4] }],
      outputs: [{ name: "action", type: "int64", shape: ["N"] }],
      ...changes,
    });
    Deno.writeFileSync(path, sealOnnx(bytes));
  };
}

const WIDE = 20_000;
const attributes = {};

/** How each file is made, by its name. */
const COSTLY: Readonly<Record<string, (path: string) => void>> = {
  "lists.json": repeat('{"a":[', "[],", "0]}"),
  "objects.json": repeat('{"a":[', "{},", "0]}"),
  "numbers.json": repeat('{"a":[', "0,", "0]}"),
  "escapes.json": repeat('{"a":"', "\\n", '"}'),
  "bad.jsonl": repeat("", "no record\n"),
  "objects.jsonl": repeat("", `{"kind":"a","step":1,"a":[${"{},".repeat(20)}{}]}\n`),
  "line.jsonl": sparse(""),
  "numbers.h": repeat("/* udrlpg policy in C\n */\nx_parameters[1] = {", "0.0f,", "};\n"),
  "keys.toml": (path) => Deno.writeTextFileSync(path, `${"a.".repeat(130_000)}a = 1\n`),
  "more_keys.toml": (path) => Deno.writeTextFileSync(path, `${"a.".repeat(520_000)}a = 1\n`),
  "events.out.tfevents.1.host": sparse(""),
  "zeros.safetensors": sparse(""),
  "data.safetensors": sparse(header({ w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } })),
  "zeros.onnx": sparse(""),
  "product.onnx": model({
    nodes: [
      { opType: "Gemm", name: "a", inputs: ["x", "y"], outputs: ["z"], attributes },
      { opType: "ArgMax", name: "b", inputs: ["z"], outputs: ["action"], attributes },
    ],
    initializers: [
      { name: "x", type: "float32", shape: [WIDE, 1], bytes: new Uint8Array(4 * WIDE) },
      { name: "y", type: "float32", shape: [1, WIDE], bytes: new Uint8Array(4 * WIDE) },
    ],
  }),
  "claims.onnx": model({
    initializers: Array.from({ length: 5000 }, (_, i) => ({
      name: `w${i}`,
      type: "float32",
      shape: [100_000],
      bytes: new Uint8Array(0),
    })),
  }),
};

function header(tensors: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(tensors));
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** Writes all of them into a folder; gives their paths. */
export function writeCostlyFiles(folder: string): string[] {
  return Object.entries(COSTLY).map(([name, write]) => {
    const path = join(folder, name);
    write(path);
    return path;
  });
}
