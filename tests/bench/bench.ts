/**
 * Measures what a training run spends its time on and prints one JSON document, in about a minute; of whole
 * runs one for each row, as soon as it is measured:
 *
 *     deno task bench          updates, kernels, rollouts and scaling, each beside its floor
 *     deno task bench:check    compares the ratios with tests/bench/recorded.json
 *     deno run -A tests/bench/bench.ts --record    records the ratios of this run
 *     deno task bench --runs   whole runs in place of all that, some minutes (run_bench.ts)
 *
 * A ratio is measured time over floor, both from this run, so that machines can be compared; absolute
 * times never are. PyTorch on the same network is measured by peer_pytorch.py.
 */

import { compareRatios, ratiosOf } from "./ratios.ts";
import { benchPolicy } from "./policy_bench.ts";
import { benchEpisodes, benchSteps } from "./rollout_bench.ts";
import { benchWholeRuns } from "./run_bench.ts";
import { benchScaling, benchUpdates } from "./update_bench.ts";

const RECORD = new URL("./recorded.json", import.meta.url);

function print(value: unknown): void {
  const round = (_key: string, item: unknown) =>
    typeof item === "number" && !Number.isInteger(item) ? Number(item.toPrecision(4)) : item;
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value, round, 2)}\n`));
}

async function main([mode, ...words]: readonly string[]): Promise<void> {
  if (mode === "--runs") {
    for await (const row of benchWholeRuns(words)) print(row);
    return;
  }
  const guarded = {
    updates: await benchUpdates(),
    kernels: await benchPolicy(),
    rollouts: [await benchEpisodes(), ...await benchSteps()],
  };
  if (mode === "--check") {
    const recorded = JSON.parse(Deno.readTextFileSync(RECORD)) as Record<string, number>;
    const findings = compareRatios(ratiosOf(guarded), recorded);
    print(findings);
    if (findings.some(({ verdict }) => verdict !== "fine")) Deno.exit(1);
  } else {
    print({ ...guarded, scaling: await benchScaling() });
    if (mode === "--record") {
      const ratios = Object.entries(ratiosOf(guarded))
        .map(([name, ratio]) => [name, Number(ratio.toPrecision(3))]);
      const text = JSON.stringify(Object.fromEntries(ratios), null, 2);
      Deno.writeTextFileSync(RECORD, `${text}\n`);
    }
  }
}

if (import.meta.main) await main(Deno.args);
