import { CHECKSUM_KEY, sealMetadata } from "../../lib/formats/checksum.ts";
import type { Tensor } from "../../lib/formats/safetensors.ts";
import { hashHex } from "../../lib/system/files.ts";

/** A JSON policy as tests write it. */
export interface JsonPolicy {
  /** Texts by key, or what a test puts in their place. */
  readonly metadata: Record<string, unknown>;
  /** Numbers, [P]. */
  readonly parameters: number[];
  /** Numbers, [S] each. */
  readonly normaliser: { readonly mean: number[]; readonly deviation: number[] };
}

/** Writes a JSON policy with the checksum that it should have, also where its metadata is no text. */
export function sealedJson({ metadata, parameters, normaliser }: JsonPolicy): string {
  const { mean, deviation } = normaliser;
  const tensors = new Map<string, Tensor>([
    ["parameters", {
      dtype: "F32",
      shape: [parameters.length],
      data: Float32Array.from(parameters),
    }],
    ["normaliser.mean", { dtype: "F64", shape: [mean.length], data: Float64Array.from(mean) }],
    ["normaliser.deviation", {
      dtype: "F64",
      shape: [deviation.length],
      data: Float64Array.from(deviation),
    }],
  ]);
  // The checksum is of the metadata as text, as the reader has it.
  const texts = Object.fromEntries(
    Object.entries(metadata).map((
      [key, value],
    ) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const sealed = sealMetadata({ tensors, metadata: texts });
  const checked = { ...metadata, [CHECKSUM_KEY]: sealed[CHECKSUM_KEY] };
  return JSON.stringify({ metadata: checked, normaliser, parameters });
}

/** Gives a C header the checksum that it should have, where it has a line for one. */
export function sealedHeader(bytes: Uint8Array): Uint8Array {
  const line = `\n * ${CHECKSUM_KEY}: `;
  const text = new TextDecoder().decode(bytes);
  const bare = text.replace(new RegExp(`\n \\* ${CHECKSUM_KEY}: [^\n]*`), line);
  const checksum = hashHex(new TextEncoder().encode(bare));
  return new TextEncoder().encode(bare.replace(line, `${line}${checksum}`));
}
