/**
 * Policies in two frames of reference: over normalised and over raw observations.
 *
 * A policy's first layer acts on (o - mean) / deviation, and the running normaliser moves while
 * training goes on. A stored policy whose numbers stayed as they were would slowly become another
 * function than the one whose return was measured: a stale label that never leaves its bucket. So the
 * buffer keeps policies in the raw frame, where they are what they were, and a batch puts them into
 * the frame of the present normaliser. Both are the same function (up to float32 rounding):
 *
 *     raw:         W' = W / deviation,   b' = b - W' mean
 *     normalised:  W = W' deviation,     b = b' + W' mean
 */

import type { GeneratorModel, NormaliserState, PolicyShape } from "./model.ts";

/** Moves policies in generator order between the frames, in place. */
export interface ObservationFrame {
  /** Normalised -> raw frame. */
  toRaw(row: Float32Array, normaliser: NormaliserState): void;
  /** Raw -> normalised frame. */
  toNormalised(row: Float32Array, normaliser: NormaliserState): void;
}

/** Creates the conversion for a policy network; the first layer's places are looked up once. */
export function createObservationFrame(
  model: GeneratorModel,
  shape: PolicyShape,
): ObservationFrame {
  const [inputs, outputs] = shape.sizes; // [S, H1], or [S, A] without hidden layers
  const placeOf = new Int32Array(shape.parameterCount);
  model.order.forEach((policyPlace, place) => placeOf[policyPlace] = place);
  const weights = placeOf.slice(0, inputs * outputs); // [H1, S]
  const biases = placeOf.slice(inputs * outputs, (inputs + 1) * outputs); // [H1]

  function convert(
    row: Float32Array,
    { mean, deviation }: NormaliserState,
    { toRaw }: { toRaw: boolean },
  ): void {
    for (let neuron = 0, at = 0; neuron < outputs; neuron++) {
      let shift = 0;
      for (let input = 0; input < inputs; input++, at++) {
        const place = weights[at];
        const weight = row[place];
        const raw = toRaw ? weight / deviation[input] : weight;
        shift += raw * mean[input];
        row[place] = toRaw ? raw : weight * deviation[input];
      }
      row[biases[neuron]] += toRaw ? -shift : shift;
    }
  }

  return {
    toRaw: (row, normaliser) => convert(row, normaliser, { toRaw: true }),
    toNormalised: (row, normaliser) => convert(row, normaliser, { toRaw: false }),
  };
}

/** Puts a policy from generator order into policy order, [P] -> [P]. */
export function toPolicyOrder(model: GeneratorModel, row: Float32Array): Float32Array {
  const parameters = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) parameters[model.order[i]] = row[i];
  return parameters;
}

/** Puts a policy from policy order into generator order, [P] -> [P]. */
export function toGeneratorOrder(model: GeneratorModel, parameters: Float32Array): Float32Array {
  return parameters.map((_, i) => parameters[model.order[i]]);
}
