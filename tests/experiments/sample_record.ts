import type { RunRecord } from "./records.ts";

/** A record of a run on CartPole, with the given fields. */
export function sampleRecord(fields: Partial<RunRecord>): RunRecord {
  return {
    table: "returns",
    env: "CartPole-v1",
    steps: 1000,
    seed: 1,
    final: { mean: 400, std: 20, n: 20 },
    best: 500,
    obeys: {
      from: 0,
      to: 400,
      spearman: 1,
      meanError: 0.02,
      met: 1,
      points: [[0, 4, 1, 20], [200, 190, 5, 20], [400, 410, 9, 20]],
      generated: { met: 19, of: 20 },
    },
    simulatedSteps: 1100,
    wallSeconds: 2.5,
    cores: 1,
    command: "deno task experiments returns CartPole-v1 --steps 1000 --seeds 1",
    commit: "0123456789",
    date: "2026-11-26",
    ...fields,
  };
}
