/**
 * `peak_memory.ts FILE...`: reads files as `udrlpg inspect` and `udrlpg evaluate` do and prints, for each,
 * a line of JSON with what came of it and the most memory that the process held while it was read.
 */

import { registry } from "../../envs/registry.ts";
import { explainFile } from "../../lib/cli/inspection.ts";
import { readPolicy } from "../../lib/generator/read_policy.ts";
import { models } from "../../models/models.ts";
import { takePeakMebibytes } from "./memory.ts";

const spec = registry.spec("CartPole-v1");
const options = { specOf: registry.spec, models, session: { threads: 1 } };

async function outcomeOf(path: string): Promise<string> {
  try {
    explainFile(path, options);
    if (!/\.(onnx|json|safetensors)$/.test(path)) return "read";
    const policy = await readPolicy(path, { models }).open(spec);
    await policy.act(new Float64Array(4), new Float64Array(1));
    return "acted";
  } catch (error) {
    return (error as Error).name;
  }
}

if (import.meta.main) {
  for (const path of Deno.args) {
    takePeakMebibytes();
    const outcome = await outcomeOf(path);
    const megabytes = Math.round(takePeakMebibytes() * 2 ** 20 / 1e6);
    const line = JSON.stringify({ path, outcome, megabytes });
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  }
}
