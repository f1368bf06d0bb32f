/**
 * A small state that can be told from every other by one number, for the tests of checkpoints; run as a
 * program it saves state after state into the folder it is given and says each number once it is saved.
 */

import assert from "node:assert/strict";
import { type CheckpointContent, CheckpointStore } from "../../lib/run/checkpoint/store.ts";
import type { LoadedCheckpoint } from "../../lib/run/checkpoint/reader.ts";
import type { Tensor } from "../../lib/formats/safetensors.ts";

/** The number that a state is made from. */
export type SmallState = number;

/** Eight dead rows are spared, so that a handful of saves meets every case. */
export const SMALL_SPARE_BYTES = 8 * 16 * 4;

/** Numbers in a row unless another length is asked for. */
export const SMALL_ROW_LENGTH = 16;

/** The rows of a state: three new ones in each, and of the older ones those that a rule keeps. */
export function rowIdsOf(state: SmallState): number[] {
  const ids: number[] = [];
  for (let id = Math.max(0, 3 * state - 60); id < 3 * state; id++) {
    const age = 3 * state - id;
    if (age <= 6 || id % 4 === 0 && age <= 30 || id % 8 === 0) ids.push(id);
  }
  return ids;
}

function rowOf(id: number, rowLength: number): Float32Array {
  return Float32Array.from({ length: rowLength }, (_, i) => id + i / rowLength);
}

/** Makes the content of a state. */
export function contentOf(state: SmallState, rowLength = SMALL_ROW_LENGTH): CheckpointContent {
  const weights: Tensor = { dtype: "F32", shape: [50], data: new Float32Array(50).fill(state) };
  const count: Tensor = { dtype: "I64", shape: [1], data: BigInt64Array.of(BigInt(state)) };
  return {
    parts: new Map<string, Map<string, Tensor>>([
      ["weights", new Map([["w", weights]])],
      ["counters", new Map([["n", count]])],
    ]),
    rows: { rowLength, rows: rowIdsOf(state).map((id) => [id, rowOf(id, rowLength)] as const) },
    meta: { state, nested: { list: [state, "text", null] } },
  };
}

/** Checks that a checkpoint holds exactly one state; returns which. */
export function checkIsState(loaded: LoadedCheckpoint): SmallState {
  const state = loaded.meta.state as number;
  const expected = contentOf(state, loaded.rowLength);
  assert.deepEqual([...loaded.parts.keys()], [...expected.parts.keys()]);
  for (const [name, tensors] of expected.parts) {
    assert.deepEqual(new Map(loaded.parts.get(name)), new Map(tensors));
  }
  assert.equal(JSON.stringify(loaded.meta), JSON.stringify(expected.meta));
  const ids: number[] = [];
  loaded.readRows((id, row) => {
    ids.push(id);
    assert.deepEqual(row, rowOf(id, loaded.rowLength));
  });
  assert.deepEqual(ids, rowIdsOf(state));
  assert.equal(loaded.rowCount, ids.length);
  return state;
}

if (import.meta.main) {
  const store = CheckpointStore.open(Deno.args[0], { spareBytes: SMALL_SPARE_BYTES });
  for (let state = store.isEmpty ? 1 : checkIsState(store.load()) + 1;; state++) {
    store.save(contentOf(state));
    Deno.stdout.writeSync(new TextEncoder().encode(`${state}\n`));
  }
}
