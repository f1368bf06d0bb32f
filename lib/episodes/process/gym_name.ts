/**
 * Names of Gymnasium's environments, as `--env` takes them:
 *
 *     gym:LunarLander-v3                  registered in Gymnasium itself, or by an installed plugin
 *     gym:my_envs:Mine-v0                 registered when the module my_envs is imported
 *     gym:LunarLander-v3?continuous=true  with arguments for gymnasium.make
 */

/** What the names begin with; behind it, the id as gymnasium.make takes it. */
export const GYM_PREFIX = "gym:";

/** Tells whether an environment's name is one of Gymnasium's. */
export function isGymName(name: string): boolean {
  return name.startsWith(GYM_PREFIX);
}

/**
 * Gives the module that is imported to make the environment; undefined where it needs none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gymModuleOf } from "./gym_name.ts";
 * assert.equal(gymModuleOf("gym:my_envs:Mine-v0?mode=a:b"), "my_envs");
 * assert.equal(gymModuleOf("gym:ALE/Pong-v5?mode=a:b"), undefined);
 * ```
 */
export function gymModuleOf(name: string): string | undefined {
  const id = name.slice(GYM_PREFIX.length).split("?", 1)[0];
  const end = id.lastIndexOf(":");
  return end < 0 ? undefined : id.slice(0, end);
}
