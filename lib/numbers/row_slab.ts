/**
 * Equally long rows of float32 in memory, [capacity, P]. The slab grows by chunks, so that a row costs its
 * numbers alone and no growth copies rows.
 */

/** Numbers in one chunk, at most: 16 MiB of Float32. */
const CHUNK_LENGTH = 1 << 22;

/** Holds rows by slot. */
export class RowSlab {
  readonly #rowLength: number;
  readonly #rowsPerChunk: number;
  readonly #chunks: Float32Array[] = [];
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;

  /** Makes an empty slab for at most `capacity` rows of `rowLength` numbers, P. */
  constructor({ capacity, rowLength }: { capacity: number; rowLength: number }) {
    this.#rowLength = rowLength;
    const rows = Math.min(capacity, Math.floor(CHUNK_LENGTH / rowLength));
    this.#rowsPerChunk = Math.max(1, rows);
  }

  /** The row of a slot, [P]: a view, valid until the slot is free. */
  row(slot: number): Float32Array {
    const start = (slot % this.#rowsPerChunk) * this.#rowLength;
    return this.#chunks[Math.floor(slot / this.#rowsPerChunk)].subarray(
      start,
      start + this.#rowLength,
    );
  }

  /** Takes a slot: the one that became free last, or a new one. */
  take(): number {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    this.#allocate(this.#nextSlot);
    return this.#nextSlot++;
  }

  /** Gives a slot back. */
  free(slot: number): void {
    this.#freeSlots.push(slot);
  }

  /** Makes an empty slab hold exactly these slots; the caller fills their rows. */
  restore(slots: readonly number[]): void {
    const used = new Set(slots);
    this.#nextSlot = slots.reduce((next, slot) => Math.max(next, slot + 1), 0);
    for (let slot = 0; slot < this.#nextSlot; slot++) {
      this.#allocate(slot);
      if (!used.has(slot)) this.#freeSlots.push(slot);
    }
  }

  #allocate(slot: number): void {
    const chunk = Math.floor(slot / this.#rowsPerChunk);
    this.#chunks[chunk] ??= new Float32Array(this.#rowsPerChunk * this.#rowLength);
  }
}
