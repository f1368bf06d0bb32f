/** K updates by the interpreter: what the learner's ONNX graph is compared with. */

import { ADAM, adamScalars } from "../../lib/autodiff/adam.ts";
import { type InputArray, interpret } from "../../lib/autodiff/interpret.ts";
import { countWeights, encodeCommands } from "../../lib/learner/generation_pass.ts";
import type { LearnerState } from "../../lib/learner/learner.ts";
import type { Batch } from "../../lib/learner/staging.ts";
import type { GeneratorModel } from "../../lib/model.ts";
import type { Rng } from "../../lib/numbers/rng.ts";
import { STATE_PARTS, traceUpdates } from "../../lib/learner/update_graph.ts";
import {
  createGroups,
  groupWeights,
  nameGroup,
  readGroups,
  writeGroups,
} from "../../lib/learner/weight_groups.ts";

/** What an update by the interpreter needs. */
export interface InterpretedUpdateOptions {
  readonly model: GeneratorModel;
  readonly state: LearnerState;
  readonly learningRate: number;
  readonly rng: Rng;
  readonly dtype: "float32" | "float64";
}

/** Runs one update for each batch on a copy of the state; gives the new state and the losses. */
export function interpretUpdates(
  batches: readonly Batch[],
  { model, state, learningRate, rng, dtype }: InterpretedUpdateOptions,
): LearnerState & { losses: number[] } {
  const graph = traceUpdates(model, { count: batches.length });
  const groups = groupWeights(model.weights);
  const inputs: Record<string, InputArray> = {};
  for (const part of STATE_PARTS) {
    const values = createGroups(groups, part);
    writeGroups(groups, { flat: state[part], prefix: part, values });
    Object.assign(inputs, values);
  }
  const size = model.parameterCount;
  const policies: Float32Array[] = [];
  batches.forEach(({ commands, shares, states, writeTarget }, k) => {
    const rows = commands.length;
    inputs[`commands.${k}`] = encodeCommands(model, commands);
    inputs[`shares.${k}`] = { data: shares, shape: [rows, 1] };
    const places = commands.map((_, row) => policies.length + row);
    inputs[`rows.${k}`] = { data: places, shape: [rows] };
    commands.forEach((_, row) => {
      const policy = new Float32Array(size);
      writeTarget(row, policy);
      policies.push(policy);
    });
    for (const { name, width, kind } of model.lossNoise) {
      const draw = kind === "normal"
        ? () => rng.standardNormal()
        : () => rng.random() < kind.dropout ? 0 : 1 / (1 - kind.dropout);
      const data = Float32Array.from({ length: rows * width }, draw);
      inputs[`${name}.${k}`] = { data, shape: [rows, width] };
    }
    if (states && model.lossStates) {
      inputs[`states.${k}`] = { data: states, shape: model.lossStates };
    }
    const scalars = adamScalars(state.updates + k + 1, { ...ADAM, learningRate });
    inputs[`stepSize.${k}`] = { data: [scalars.stepSize], shape: [] };
    inputs[`epsilon.${k}`] = { data: [scalars.epsilon], shape: [] };
  });
  const data = policies.flatMap((policy) => Array.from(policy));
  inputs.policies = { data, shape: [policies.length, size] };
  const outputs = interpret(graph, inputs, { dtype });
  const flatten = (part: (typeof STATE_PARTS)[number]) => {
    const flat = new Float32Array(countWeights(model.weights));
    const values = Object.fromEntries(groups.map((group) => {
      const name = nameGroup(part, group);
      const { data, shape } = outputs[`new.${name}`];
      return [name, { data: Float32Array.from(data, Number), shape }];
    }));
    readGroups(groups, { flat, prefix: part, values });
    return flat;
  };
  return {
    weights: flatten("weights"),
    momentum: flatten("momentum"),
    variance: flatten("variance"),
    updates: state.updates + batches.length,
    losses: batches.map((_, k) => Number(outputs[`loss.${k}`].data[0])),
  };
}

/**
 * Draws a batch of random policies with random commands, shares that sum to 1 and, where the loss asks for
 * them, random states.
 */
export function drawBatch(model: GeneratorModel, rows: number, rng: Rng): Batch {
  const commands = Array.from({ length: rows }, () => rng.random());
  const counts = commands.map(() => 1 + rng.integer(4));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const targets = commands.map(() => {
    const target = new Float32Array(model.parameterCount);
    rng.fillStandardNormal(target);
    return target.map((x) => 0.2 * x);
  });
  return {
    commands,
    shares: Float32Array.from(counts, (count) => count / total),
    writeTarget: (row, out) => out.set(targets[row]),
    ...(model.lossStates ? { states: drawStates(model.lossStates, rng) } : {}),
  };
}

function drawStates([count, size]: readonly [number, number], rng: Rng): Float32Array {
  const states = new Float32Array(count * size);
  rng.fillStandardNormal(states);
  return states;
}
