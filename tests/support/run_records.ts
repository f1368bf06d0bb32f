/** Makes run folders of known content, without training. */

import { join } from "node:path";
import { type Config, flattenConfig, resolveConfig } from "../../lib/config/config.ts";
import { renderConfig } from "../../lib/config/config_file.ts";

/** A configuration of CartPole with changes by option name. */
export function cartPoleConfig(changes: Readonly<Record<string, unknown>> = {}): Config {
  const values = new Map<string, unknown>([
    ...flattenConfig({ env: "CartPole-v1", steps: 1000 }),
    ...Object.entries(changes),
  ]);
  return resolveConfig([{ source: "test", values }]).config;
}

/** Writes config.toml and metrics.jsonl; a record that is text is written as it is. */
export async function writeRunFolder(
  folder: string,
  { config = cartPoleConfig(), records }: {
    readonly config?: Config;
    readonly records: readonly unknown[];
  },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "config.toml"),
    renderConfig(config, { settings: new Map([["preset", "default"]]) }),
  );
  const lines = records.map((record) =>
    typeof record === "string" ? record : JSON.stringify(record)
  );
  await Deno.writeTextFile(join(folder, "metrics.jsonl"), lines.join("\n") + "\n");
}

/** Records of a small finished run: two episodes, two evaluations, a sweep, the final measurements. */
export const SMALL_RUN: readonly unknown[] = [
  { kind: "run", step: 0, version: "9.9.9", env: "CartPole-v1", seed: 0 },
  { kind: "episode", step: 20, episode: 1, return: 20, length: 20 },
  { kind: "update", step: 20, updates: 8, loss: 0.5 },
  { kind: "episode", step: 60, episode: 2, return: 40, length: 40 },
  { kind: "update", step: 60, updates: 16, loss: 0.25 },
  {
    kind: "evaluation",
    step: 60,
    command: 0.1,
    mean: 30,
    std: 5,
    n: 5,
    ci95: [24, 36],
    range: [0, 500],
    occupancy: [1, 0, 0, 1],
    simulated: { training: 60, noiseFree: 0, calibration: 0, evaluation: 150 },
  },
  {
    kind: "curve",
    step: 60,
    range: [0, 500],
    points: [
      { command: 0.2, mean: 80, std: 0, n: 1, ci95: [null, null] },
      { command: 0, mean: 10, std: 1, n: 2, ci95: [1, 19] },
    ],
  },
  {
    kind: "evaluation",
    step: 100,
    command: 0.2,
    mean: 90,
    std: 5,
    n: 5,
    ci95: [84, 96],
    range: [0, 500],
    occupancy: [1, 0, 0, 1, 0, 2],
  },
  {
    kind: "curve",
    final: true,
    step: 100,
    range: [0, 500],
    points: [{ command: 0, mean: 12, std: 2, n: 4 }],
  },
  {
    kind: "evaluation",
    final: true,
    step: 100,
    command: 0.2,
    mean: 95,
    std: 1,
    n: 20,
    ci95: [94, 96],
    simulated: { training: 100, noiseFree: 0, calibration: 300, evaluation: 900 },
  },
];
