/** Updates on bound memory: ONNX Runtime's C interface on the CPU, against the CPU's updater. */

import assert from "node:assert/strict";
import { ADAM, adamScalars } from "../../../lib/autodiff/adam.ts";
import { BoundUpdater } from "../../../lib/learner/bound_updater.ts";
import { HostUpdater } from "../../../lib/learner/cpu_updater.ts";
import type { Batch } from "../../../lib/learner/staging.ts";
import { STATE_PARTS } from "../../../lib/learner/update_graph.ts";
import type { FlatState, Updater } from "../../../lib/learner/updater.ts";
import { Rng } from "../../../lib/numbers/rng.ts";
import { createHostMemory, type Memory } from "../../../lib/onnx/bound/memory.ts";
import { loadRuntime } from "../../../lib/onnx/session.ts";
import type { PartialConfig } from "../../../lib/config/config.ts";
import { models } from "../../../models/models.ts";
import { drawBatch } from "../../support/interpreted_updates.ts";
import { relativeDifference } from "../../support/relative_difference.ts";
import { shapeOf, tinyConfig } from "../../support/tiny_run.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const TOLERANCE = 1e-5;

const KINDS: Readonly<Record<string, PartialConfig>> = {
  "a tiled generator": {},
  "a tiled generator, also by what policies do": { update: { loss: "both" } },
  "a tiled generator, by what policies do alone": { update: { loss: "function" } },
  "a conditional VAE": { generator: { kind: "cvae" } },
};

/** The host's memory, and how many blocks of it are in use. */
function countedMemory(limit = Infinity): Memory & { inUse: number } {
  const memory = createHostMemory();
  return {
    ...memory,
    inUse: 0,
    allocate(bytes) {
      if (this.inUse === limit) throw new Error("Cannot allocate: no memory is left");
      this.inUse++;
      return memory.allocate(bytes);
    },
    free(start) {
      this.inUse--;
      memory.free(start);
    },
  };
}

function createSubject(changes: PartialConfig) {
  const config = tinyConfig(changes);
  const model = models.createGenerator(config, shapeOf([3, 4, 1]));
  return { model, weights: model.initialise(Rng.fromSeed(1)) };
}

const OPTIONS = { batchSize: 12, session: { threads: 1 } };
const scalarsFrom = (start: number) => (k: number) =>
  adamScalars(start + k + 1, { ...ADAM, learningRate: 1e-2 });

/** The largest relative difference of a part. */
function compare(one: FlatState, other: FlatState): number {
  return Math.max(...STATE_PARTS.map((part) => relativeDifference(one[part], other[part])));
}

for (const [name, changes] of Object.entries(KINDS)) {
  Deno.test(`BoundUpdater computes what HostUpdater does with ${name}`, linux, async () => {
    await loadRuntime();
    const { model, weights } = createSubject(changes);
    const memory = countedMemory();
    const bound = new BoundUpdater(model, OPTIONS, { memory, isCaptured: true });
    const host = new HostUpdater(model, OPTIONS);
    const draws = Rng.fromSeed(5);
    // Batches of other sizes are filled up; the second group has more policies than there is room for.
    const groups = [[3, 8], [12, 12, 5], [1]].map((sizes) =>
      sizes.map((rows) => drawBatch(model, rows, draws))
    );
    const losses = [];
    for (const updater of [bound, host]) {
      updater.write({ weights });
      const rng = Rng.fromSeed(2);
      let done = 0;
      const own: number[] = [];
      for (const group of groups) {
        const result = await updater.update(group, { rng, scalars: scalarsFrom(done) });
        assert.equal(result.made, group.length);
        own.push(...result.losses);
        done += group.length;
      }
      losses.push(Float32Array.from(own));
    }
    assert.ok(relativeDifference(losses[0], losses[1]) < TOLERANCE);
    assert.equal(bound.isBehind, true);
    for (const [key, value] of Object.entries(host.weights)) {
      assert.ok(
        relativeDifference(valuesOf(bound, key), (value as never as Feed).data) < TOLERANCE,
      );
    }
    assert.equal(bound.isBehind, true); // the moments are
    await bound.download();
    assert.equal(bound.isBehind, false);
    assert.ok(compare(bound.host, host.host) < TOLERANCE, `${compare(bound.host, host.host)}`);
    assert.notDeepEqual(bound.host.weights, weights);
    await bound.close();
    await host.close();
    assert.equal(memory.inUse, 0);
  });
}

type Feed = { readonly data: Float32Array };
function valuesOf({ weights }: Updater, name: string): Float32Array {
  return (weights as never as Record<string, Feed>)[name].data;
}

Deno.test("the comparison rejects a batch whose rows have other shares", linux, async () => {
  await loadRuntime();
  const { model, weights } = createSubject({});
  const batch = drawBatch(model, 3, Rng.fromSeed(5));
  const other: Batch = { ...batch, shares: Float32Array.of(0.3, 0.3, 0.4) };
  const states = [];
  for (const each of [batch, other]) {
    const place = { memory: createHostMemory(), isCaptured: false };
    const updater = new BoundUpdater(model, OPTIONS, place);
    updater.write({ weights });
    await updater.update([each], { rng: Rng.fromSeed(2), scalars: scalarsFrom(0) });
    await updater.download();
    states.push(updater.host);
    await updater.close();
  }
  assert.ok(compare(states[0], states[1]) > TOLERANCE);
});

Deno.test("BoundUpdater goes on from a saved state as if it had never stopped", linux, async () => {
  await loadRuntime();
  const { model, weights } = createSubject({});
  const draws = Rng.fromSeed(5);
  const batches = Array.from({ length: 4 }, () => drawBatch(model, 6, draws));
  const start = () =>
    new BoundUpdater(model, OPTIONS, { memory: createHostMemory(), isCaptured: false });
  const context = (done: number) => ({ rng: Rng.fromSeed(2), scalars: scalarsFrom(done) });
  const whole = start();
  whole.write({ weights });
  await whole.update(batches.slice(0, 2), context(0));
  await whole.download();
  const saved = structuredClone(whole.host);
  const { losses } = await whole.update(batches.slice(2), context(2));
  await whole.download();
  for (const updater of [start(), whole]) {
    updater.write(saved);
    assert.equal(updater.isBehind, false);
    assert.deepEqual((await updater.update(batches.slice(2), context(2))).losses, losses);
    await updater.download();
    if (updater !== whole) assert.deepEqual(updater.host, whole.host);
    await updater.close();
  }
});

Deno.test("BoundUpdater ends before the first loss that is not finite", linux, async () => {
  await loadRuntime();
  const { model, weights } = createSubject({});
  const good = drawBatch(model, 2, Rng.fromSeed(5));
  const bad: Batch = { ...good, writeTarget: (_, out) => void out.fill(1e30) };
  const place = { memory: createHostMemory(), isCaptured: false };
  const updater = new BoundUpdater(model, OPTIONS, place);
  updater.write({ weights });
  const context = { rng: Rng.fromSeed(2), scalars: scalarsFrom(0) };
  const result = await updater.update([good, bad, good], context);
  assert.equal(result.made, 1);
  assert.equal(result.losses[1], Infinity);
  await updater.download();
  assert.ok(updater.host.weights.every(Number.isFinite));
  await updater.close();
});

Deno.test("BoundUpdater frees what it has when there is no memory for more", linux, async () => {
  await loadRuntime();
  const { model } = createSubject({});
  for (const limit of [0, 3, 6, 7]) {
    const memory = countedMemory(limit);
    const updater = new BoundUpdater(model, OPTIONS, { memory, isCaptured: false });
    assert.throws(() => updater.open(), { message: "Cannot allocate: no memory is left" });
    assert.equal(memory.inUse, 0);
  }
});
