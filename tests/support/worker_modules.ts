/** Modules that test workers import: the tiny environment under ids that say how it ends. */

import type { Env, EnvRegistry } from "../../lib/env.ts";
import { TINY_ENV_SPEC, TinyEnv } from "./tiny_env.ts";

/** A seed whose episode goes wrong in the environments that go wrong. */
export const BAD_SEED = 13;

class BadEnv extends TinyEnv {
  readonly #kind: string;
  constructor(kind: string) {
    super();
    this.#kind = kind;
  }
  override reset(seed?: number): void {
    super.reset(seed);
    if (seed === BAD_SEED) this.#goWrong();
  }
  #goWrong(): void {
    if (this.#kind === "Throwing-v0") throw new Error("the engine broke");
    if (this.#kind === "Diverging-v0") this.observation[0] = NaN;
    if (this.#kind === "Crashing-v0") queueMicrotask(() => fail("nobody caught this"));
    if (this.#kind === "Closing-v0") (globalThis as unknown as { close(): void }).close();
    if (this.#kind === "Writing-v0") Deno.writeTextFileSync("/tmp/udrlpg-worker-test", "x");
  }
}

function fail(message: string): never {
  throw new Error(message);
}

/** Offers the environments by id. */
export const registry: EnvRegistry = {
  ids: [TINY_ENV_SPEC.id],
  spec: () => TINY_ENV_SPEC,
  make: (id): Promise<Env> => Promise.resolve(new BadEnv(id)),
};
