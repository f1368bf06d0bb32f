/**
 * Numbers that an algorithm keeps from cycle to cycle beside the run's own state: weights of critics, stored
 * transitions, counts. Each has a name, under which a checkpoint holds it; whoever keeps it says how to copy it
 * out and in. An algorithm names its numbers when it begins to train, which may be after a checkpoint was read.
 */

import { FileError } from "../system/errors.ts";

/** The numbers of one name. */
export type KeptNumbers = Float32Array | Float64Array;

/** How numbers go into a checkpoint and come back. */
export interface KeptPart<N extends KeptNumbers = KeptNumbers> {
  /** Gives the present numbers, of any length; they are copied. */
  save(): N;
  /** Takes over saved numbers; they must not be kept. */
  load(saved: N): void;
}

/** The kept numbers of a run by name. */
export class Kept {
  readonly #parts = new Map<string, KeptPart>();
  /** Numbers of a checkpoint whose keeper has not come yet. */
  #saved = new Map<string, KeptNumbers>();
  #isRestored = false;

  /**
   * Keeps an array that changes in place.
   * @throws {FileError} when a checkpoint was read that has other numbers under this name, or none.
   */
  keepArray(name: string, array: KeptNumbers): void {
    this.keep(name, {
      save: () => array,
      load(saved) {
        if (saved.length !== array.length || saved.constructor !== array.constructor) {
          fail(name, `${array.length} numbers`, saved);
        }
        array.set(saved);
      },
    });
  }

  /** Keeps numbers whose count changes. @throws {FileError} as `keepArray` does. */
  keep<N extends KeptNumbers>(name: string, part: KeptPart<N>): void {
    // Whoever trains a run again takes over from whoever trained it before.
    const saved = this.#saved.get(name) ?? this.#parts.get(name)?.save();
    if (saved !== undefined) part.load(saved as N);
    else if (this.#isRestored) fail(name, "numbers", []);
    this.#saved.delete(name);
    this.#parts.set(name, part as unknown as KeptPart);
  }

  /** Copies all numbers; what a checkpoint gave and nobody has asked for yet stays as it was. */
  capture(): Map<string, KeptNumbers> {
    const copies = [...this.#parts].map(([name, part]) => [name, part.save().slice()] as const);
    return new Map([...this.#saved, ...copies]);
  }

  /** Takes what a checkpoint holds, for whoever names it. */
  restore(saved: ReadonlyMap<string, KeptNumbers>): void {
    this.#isRestored = true;
    this.#saved = new Map(saved);
    for (const [name, part] of [...this.#parts]) this.keep(name, part);
  }
}

function fail(name: string, wanted: string, saved: ArrayLike<number>): never {
  throw new FileError(
    `Cannot read checkpoint: it must hold ${wanted} of "${name}", got ${saved.length}`,
  );
}
