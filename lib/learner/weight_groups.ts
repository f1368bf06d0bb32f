/**
 * How weights lie where whole updates are one model (WebGPU, and CUDA without bound memory): those whose last axes are of one size below each other in
 * one matrix, single numbers and vectors in one vector.
 *
 * Adam is then nine nodes for each of a few groups, and a group of tensors crosses the bus at once. It is the
 * number of nodes that counts there: on an H200 a node takes 14 us, whatever it does. But joining must stay
 * short: CUDA's Concat and Split build a table with an entry for each index of their axis on the host, and
 * wait for the device, 5 ms for the reference generator's 2.5M weights as one vector.
 *
 * Measured there (reference generator, 11-256-256-3, milliseconds an update, 8 and 32 updates a run, CUDA and
 * WebGPU): a group for each tensor of more than 16k numbers and one for the rest, 398 nodes an update: 8.3,
 * 4.1; 8.6, 6.5. All weights as one vector, 268 nodes: 14.6, 12.9; 5.6, 7.0. As here, 297 nodes: 6.1, 3.3;
 * 5.7, 5.8.
 */

import { concat, reshape, slice } from "../autodiff/tensor.ts";
import type { Tensor } from "../autodiff/node.ts";
import { sizeOf } from "../autodiff/shape.ts";
import type { WeightSpec } from "../model.ts";
import type { TensorValue } from "../onnx/session.ts";

/** A weight's place in its group. */
export interface Member extends WeightSpec {
  /** Its first row in the group. */
  readonly row: number;
  /** How many it has there. */
  readonly rows: number;
  /** Where it lies among all weights as one vector, in the order of the model. */
  readonly offset: number;
}

/** Weights that are one tensor. */
export interface WeightGroup {
  /** The size of the last axis; 1 for single numbers and vectors. */
  readonly width: number;
  /** The tensor's shape: [rows, width], for width 1 [rows]. */
  readonly shape: readonly number[];
  /** In the order of the model. */
  readonly members: readonly Member[];
}

/** Groups a model's weights by the size of their last axes. */
export function groupWeights(specs: readonly WeightSpec[]): WeightGroup[] {
  const byWidth = new Map<number, Member[]>();
  let offset = 0;
  for (const { name, shape } of specs) {
    const width = shape.length > 1 ? shape.at(-1)! : 1;
    const members = byWidth.get(width) ?? [];
    byWidth.set(width, members);
    const row = countRows(members);
    members.push({ name, shape, row, rows: sizeOf(shape) / width, offset });
    offset += sizeOf(shape);
  }
  return [...byWidth].map(([width, members]) => {
    const rows = countRows(members);
    return { width, members, shape: width === 1 ? [rows] : [rows, width] };
  });
}

function countRows(members: readonly Member[]): number {
  return members.reduce((sum, { rows }) => sum + rows, 0);
}

/** Names a group's tensor as an input of a graph; outputs have `new.` before it. */
export function nameGroup(prefix: string, { width }: WeightGroup): string {
  return `${prefix}.${width}`;
}

/** Joins tensors of a group, one for each member and of its shape, to the group's. */
export function joinGroup({ width, members }: WeightGroup, tensors: readonly Tensor[]): Tensor {
  const parts = members.map(({ rows }, i) =>
    reshape(tensors[i], width === 1 ? [rows] : [rows, width])
  );
  return parts.length === 1 ? parts[0] : concat(parts, 0);
}

/** Undoes `joinGroup` for all groups: the weights by name. */
export function cutGroups(
  groups: readonly WeightGroup[],
  joined: readonly Tensor[],
): Record<string, Tensor> {
  return Object.fromEntries(
    groups.flatMap(({ members }, index) =>
      members.map(({ name, shape, row, rows }) => {
        const piece = members.length === 1
          ? joined[index]
          : slice(joined[index], { axis: 0, start: row, end: row + rows });
        return [name, reshape(piece, shape)];
      })
    ),
  );
}

/** Makes room for the tensors of all groups, by name, all zero. */
export function createGroups(
  groups: readonly WeightGroup[],
  prefix: string,
): Record<string, TensorValue> {
  return Object.fromEntries(groups.map((group) => {
    const data = new Float32Array(sizeOf(group.shape));
    return [nameGroup(prefix, group), { data, shape: group.shape }];
  }));
}

/** Copies weights that are one vector, [W], in the order of the model, into the tensors of their groups. */
export function writeGroups(groups: readonly WeightGroup[], copy: GroupCopy): void {
  for (const { own, grouped } of piecesOf(groups, copy)) grouped.set(own);
}

/** Undoes `writeGroups`. */
export function readGroups(groups: readonly WeightGroup[], copy: GroupCopy): void {
  for (const { own, grouped } of piecesOf(groups, copy)) own.set(grouped);
}

/** Gives views of each weight: in the vector, and in the tensor of its group. */
function* piecesOf(
  groups: readonly WeightGroup[],
  { flat, prefix, values }: GroupCopy,
): Generator<{ own: Float32Array; grouped: Float32Array }> {
  for (const group of groups) {
    const data = values[nameGroup(prefix, group)].data as Float32Array;
    for (const { shape, row, offset } of group.members) {
      const [start, size] = [row * group.width, sizeOf(shape)];
      yield {
        own: flat.subarray(offset, offset + size),
        grouped: data.subarray(start, start + size),
      };
    }
  }
}

/** One vector and the tensors that hold the same numbers. */
export interface GroupCopy {
  /** All numbers in the order of the model, [W]. */
  readonly flat: Float32Array;
  /** What the tensors' names begin with. */
  readonly prefix: string;
  /** The tensors of all groups by name. */
  readonly values: Readonly<Record<string, TensorValue>>;
}
