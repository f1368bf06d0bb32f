/** What plays an environment of Gymnasium, `gym:ID`: Python with the adapter in it. */

import type { EnvProgram } from "./env_process.ts";
import { GYM_ADAPTER } from "./gym_adapter.ts";
import { GYM_PREFIX } from "./gym_name.ts";

/**
 * Gives the program that plays an environment of Gymnasium; the environment's id is its whole name.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gymProgram } from "./gym_env.ts";
 * const { id, words } = gymProgram("gym:CartPole-v1", "python3");
 * assert.deepEqual([id, words[0], words.at(-1)], ["gym:CartPole-v1", "python3", "CartPole-v1"]);
 * ```
 */
export function gymProgram(name: string, python: string): EnvProgram {
  return {
    title: `environment ${JSON.stringify(name)}`,
    id: name,
    words: [python, "-c", GYM_ADAPTER, name.slice(GYM_PREFIX.length)],
    playsMany: true,
    missing: `Python must be installed, got no "${python}": install Python 3 and Gymnasium, or ` +
      "name Python by the variable UDRLPG_PYTHON",
  };
}
