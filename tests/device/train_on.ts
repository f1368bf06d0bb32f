/** A whole run of the program whose updates are computed on a device. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Device } from "../../lib/onnx/session.ts";
import { firstLine, runProgram } from "./surroundings.ts";

/** What came of a run. */
export interface TrainedOn {
  readonly device: Device;
  readonly env: string;
  readonly steps: number;
  readonly updates: number;
  readonly finalReturn: { readonly mean: number; readonly std: number; readonly n: number };
  readonly wallSeconds: number;
}

/** What to train. */
export interface TrainingRun {
  readonly env: string;
  readonly steps: number;
  /** Further words of the command. */
  readonly words?: readonly string[];
}

/**
 * Trains in a process of its own.
 * @throws {Error} when it does not end well or trained on another device.
 */
export async function trainOn(
  device: Device,
  { env, steps, words = [] }: TrainingRun,
  { root }: { readonly root: URL },
): Promise<TrainedOn> {
  const folder = await Deno.makeTempDir({ prefix: "udrlpg-device-" });
  try {
    const { code, stdout, stderr } = await runProgram(Deno.execPath(), [
      "run",
      "-A",
      "--config",
      fileURLToPath(new URL("deno.json", root)),
      fileURLToPath(new URL("main.ts", root)),
      "train",
      `--env=${env}`,
      "--seed=11",
      `--steps=${steps}`,
      `--device=${device}`,
      `--out=${join(folder, "run")}`,
      "--json",
      "--quiet",
      ...words,
    ]);
    if (code !== 0) throw new Error(`train must exit with 0, got ${code}: ${firstLine(stderr)}`);
    const result = JSON.parse(stdout) as TrainedOn;
    if (result.device !== device) throw new Error(`train must use ${device}, got ${result.device}`);
    const { updates, finalReturn, wallSeconds } = result;
    return { device, env: result.env, steps: result.steps, updates, finalReturn, wallSeconds };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
