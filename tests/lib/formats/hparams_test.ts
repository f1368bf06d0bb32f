import assert from "node:assert/strict";
import { join } from "node:path";
import { beginHparams, endHparams, HPARAMS_PLUGIN } from "../../../lib/formats/hparams.ts";
import { encodeRecord, TfeventsWriter } from "../../../lib/formats/tfevents.ts";
import { joinBytes } from "../../../lib/system/bytes.ts";
import { withFolder } from "../../support/tiny_command.ts";

// Source: Python tensorboard 2.21.0, HParamsPluginData and Event of the same values, serialised deterministically.
const EXPERIMENT = "EjQiCAoEbG9zcyABIgkKBW5vaXN5IAIiCAoEcmF0ZSADKhMKERIPZXZhbHVhdGlvbi9tZWFu";
const START =
  "GjwKEQoEbG9zcxIJGgd3ZWlnaHRzCgsKBW5vaXN5EgIgAAoRCgRyYXRlEgkRAAAAAAAA4D8pAAAQQPxU2UE=";
const END_EVENT =
  "CQAAYED8VNlBEAcqQgpAChpfaHBhcmFtc18vc2Vzc2lvbl9lbmRfaW5mb0IGCAESAhIAShoKGAoHaHBhcmFtcxIN" +
  "IgsIAREAAGBA/FTZQQ==";

const bytesOf = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

Deno.test("beginHparams() writes the very bytes that TensorBoard's own messages have", () => {
  const summaries = beginHparams(
    new Map<string, string | boolean | number>([["loss", "weights"], ["noisy", false], [
      "rate",
      0.5,
    ]]),
    {
      metrics: ["evaluation/mean"],
      startSeconds: 1700000000.25,
    },
  );
  assert.deepEqual(summaries.map(({ tag }) => tag), [
    "_hparams_/experiment",
    "_hparams_/session_start_info",
  ]);
  const [experiment, start] = summaries.map(({ content }) => joinBytes(content));
  assert.deepEqual(experiment, bytesOf(EXPERIMENT));
  assert.deepEqual(start, bytesOf(START));
});

Deno.test("TfeventsWriter writes a plugin's summaries as TensorBoard does", () =>
  withFolder((folder) => {
    const path = join(folder, "events");
    using writer = TfeventsWriter.open(path, { wallTimeSeconds: 0 });
    const from = writer.position;
    const at = { step: 7, wallTimeSeconds: 1700000001.5 };
    writer.writePlugin(HPARAMS_PLUGIN, endHparams({ endSeconds: 1700000001.5 }), at);
    assert.deepEqual(Deno.readFileSync(path).subarray(from), encodeRecord(bytesOf(END_EVENT)));
    return Promise.resolve();
  }));
