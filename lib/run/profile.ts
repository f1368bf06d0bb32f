/**
 * Where the wall time of a run goes: a few parts, each method call counted towards one of them.
 *
 * Methods of the objects that do the work are replaced by timed ones, so that the code that calls them
 * does not know of it and a run without a profile pays nothing. Where timed methods call each other,
 * the outermost part gets the time. Reading the clock costs about 0.1 us a call, two calls for every step of an environment.
 */

import { type Clock, formatDuration } from "../system/clock.ts";

/** What time is spent on. "generation" is the generator's forward pass for single policies, "workers" is waiting for their episodes. */
export const PROFILE_PARTS = [
  "physics",
  "policy",
  "updates",
  "generation",
  "workers",
  "files",
] as const;
/** One of the parts. */
export type ProfilePart = (typeof PROFILE_PARTS)[number];

/** Seconds by part, with what is in none of them and the sum. */
export type ProfileSeconds = Readonly<Record<ProfilePart | "other" | "total", number>>;

/** Sums up time by part. */
export class Profile {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #ms = new Map<ProfilePart, number>();
  #isInside = false;

  /** Starts the total. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /**
   * Replaces methods of an object by ones that do the same and are timed, until their promise is
   * settled where they give one.
   */
  time<T extends object>(target: T, parts: { readonly [K in keyof T]?: ProfilePart }): void {
    for (const name of Object.keys(parts) as (keyof T)[]) {
      const method = target[name] as (...args: unknown[]) => unknown;
      const part = parts[name]!;
      const timed = (...args: unknown[]): unknown => {
        if (this.#isInside) return method.apply(target, args);
        this.#isInside = true;
        const started = this.#clock.monotonicMs();
        let result: unknown;
        try {
          result = method.apply(target, args);
        } finally {
          if (!(result instanceof Promise)) this.#add(part, started);
        }
        return result instanceof Promise ? result.finally(() => this.#add(part, started)) : result;
      };
      target[name] = timed as T[keyof T];
    }
  }

  /** Seconds so far. */
  get seconds(): ProfileSeconds {
    const total = (this.#clock.monotonicMs() - this.#startMs) / 1000;
    const parts = Object.fromEntries(
      PROFILE_PARTS.map((part) => [part, (this.#ms.get(part) ?? 0) / 1000]),
    ) as Record<ProfilePart, number>;
    const known = PROFILE_PARTS.reduce((sum, part) => sum + parts[part], 0);
    return { ...parts, other: Math.max(0, total - known), total };
  }

  #add(part: ProfilePart, started: number): void {
    this.#isInside = false;
    this.#ms.set(part, (this.#ms.get(part) ?? 0) + this.#clock.monotonicMs() - started);
  }
}

/**
 * Writes a profile for people, the largest part first: "updates 61 %, 3.2 s".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { describeProfile } from "./profile.ts";
 *
 * const parts = { physics: 3, policy: 0, updates: 1, generation: 0, workers: 0, files: 0 };
 * const text = describeProfile({ ...parts, other: 0, total: 4 });
 * assert.equal(text, "physics 75 % (3.0 s), updates 25 % (1.0 s)");
 * ```
 */
export function describeProfile({ total, ...parts }: ProfileSeconds): string {
  return Object.entries(parts)
    .filter(([, seconds]) => seconds > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([part, seconds]) =>
      `${part} ${Math.round(100 * seconds / total)} % (${formatDuration(seconds)})`
    )
    .join(", ");
}
