/**
 * Policies of other programs: which input of a graph is the observation and which output the action,
 * whatever they are called, and what is to be done with it. It follows what Stable-Baselines3 exports and how
 * its `predict` acts: numbers are clipped to the bounds, and those of an actor that ends in tanh are first
 * scaled from -1..1 to them.
 */

import type { EnvSpec } from "../env.ts";
import { quoteName } from "../system/words.ts";
import type { OnnxSummary, OnnxValue } from "./reader.ts";
import type { TensorValue } from "./session.ts";

/** How an observation goes into a graph. */
export interface ForeignInput {
  /** Name of the input. */
  readonly name: string;
  /** Its sizes; a graph that was exported for several observations gets the same one in each row. */
  readonly shape: readonly number[];
  /** Observations in it. */
  readonly rows: number;
}

/** How an action comes out of a graph. */
export interface ForeignOutput {
  /** Name of the output. */
  readonly name: string;
  /** Copies the action of the first row. */
  readonly read: (data: TensorValue["data"], action: Float64Array) => void;
  /** What was assumed of the output, for the user. */
  readonly assumed: string;
}

/** A graph exported for more observations at once is none for one. */
const MOST_ROWS = 1024;
/** Outputs that say something else of an action; an action has no such name. */
const NO_ACTION = /(?<!q_?)value|log_?prob|entropy|std|advantage/i;
const ACTION = /action|deterministic|mean|^mu$/i;

/**
 * Fits observations of `size` numbers to an input: [N, S] with or without a size for N, [S], or with S
 * spread over several axes. Undefined where they do not fit.
 */
export function fitInput({ name, shape }: OnnxValue, size: number): ForeignInput | undefined {
  const product = (sizes: readonly unknown[]) =>
    sizes.reduce<number>((all, each) => typeof each === "number" ? all * each : all, 1);
  if (shape.length === 0) return { name, shape: [1, size], rows: 1 }; // it says nothing
  const [first, ...rest] = shape;
  const isFree = (each: unknown) => typeof each !== "number";
  if (!shape.some(isFree) && product(shape) === size) {
    return { name, shape: shape as number[], rows: 1 };
  }
  const rows = typeof first === "number" ? first : 1;
  const open = rest.filter(isFree).length;
  if (rest.length === 0 || open > 1 || rows < 1 || rows > MOST_ROWS) return undefined;
  const left = size / product(rest);
  if (open === 0 ? left !== 1 : !Number.isInteger(left)) return undefined;
  const sizes = rest.map((each) => typeof each === "number" ? each : left);
  return { name, shape: [rows, ...sizes], rows };
}

/** Lists the outputs that may be the action by their names, likely ones first; one alone is. */
export function likelyActions(names: readonly string[]): string[] {
  return names.filter((name) => names.length === 1 || !NO_ACTION.test(name))
    .toSorted((a, b) => Number(ACTION.test(b)) - Number(ACTION.test(a)));
}

/**
 * Chooses the output that is the action, by what a first run gave; undefined where none is.
 * @param given what each output held, in the order of the graph
 */
export function chooseOutput(
  given: readonly (readonly [name: string, value: TensorValue])[],
  { summary, spec, rows }: { summary: OnnxSummary; spec: EnvSpec; rows: number },
): ForeignOutput | undefined {
  const values = new Map(given);
  const candidates = likelyActions([...values.keys()]).map((name) => {
    const { data } = values.get(name)!;
    return { name, size: data.length / rows, isWhole: !(data instanceof Float32Array) };
  });
  const space = spec.actionSpace;
  if (space.kind === "discrete") {
    const { n } = space;
    const index = candidates.find(({ size, isWhole }) => isWhole && size === 1);
    if (index !== undefined) return asIndex(index.name);
    const scores = candidates.find(({ size, isWhole }) => !isWhole && size === n);
    return scores && asScores(scores.name, n);
  }
  const numbers = candidates.find(({ size }) => size === space.low.length);
  if (numbers !== undefined) {
    const { nodes } = summary;
    const last = nodes.find(({ outputs }) => outputs.includes(numbers.name))?.opType;
    return asNumbers(numbers.name, { ...space, isSquashed: last === "Tanh" });
  }
  const sizes = choicesOf(spec);
  const choices = candidates.find(({ size, isWhole }) => isWhole && size === sizes?.length);
  return choices && sizes && asChoices(choices.name, sizes);
}

function asIndex(name: string): ForeignOutput {
  return {
    name,
    read: (data, action) => void (action[0] = Number(data[0])),
    assumed: `${quoteName(name)} is the action`,
  };
}

function asScores(name: string, n: number): ForeignOutput {
  return {
    name,
    read(data, action) {
      let best = 0;
      for (let i = 1; i < n; i++) if (data[i] > data[best]) best = i;
      action[0] = best;
    },
    assumed: `the largest of the ${n} numbers of ${quoteName(name)} is the action`,
  };
}

function asNumbers(
  name: string,
  { low, high, isSquashed }: { low: Float64Array; high: Float64Array; isSquashed: boolean },
): ForeignOutput {
  const isScaled = isSquashed && low.every(Number.isFinite) && high.every(Number.isFinite) &&
    low.some((each, i) => each !== -1 || high[i] !== 1);
  return {
    name,
    read(data, action) {
      for (let i = 0; i < action.length; i++) {
        const value = Number(data[i]);
        const inUnits = isScaled ? low[i] + (value + 1) / 2 * (high[i] - low[i]) : value;
        action[i] = Math.min(high[i], Math.max(low[i], inUnits));
      }
    },
    assumed: `${quoteName(name)} is the action, ${
      isScaled
        ? "scaled from -1..1 to the bounds since it ends in tanh"
        : "clipped to the environment's bounds"
    }`,
  };
}

/** The numbers of choices of MultiDiscrete actions, which the adapter for Gymnasium takes as scores. */
function choicesOf({ layout }: EnvSpec): readonly number[] | undefined {
  const { action } = JSON.parse(layout ?? "{}") as { action?: { kind?: string; nvec?: unknown } };
  const sizes = action?.kind === "MultiDiscrete" ? [action.nvec].flat(9) : undefined;
  return sizes?.every((size) => typeof size === "number") ? sizes as number[] : undefined;
}

function asChoices(name: string, sizes: readonly number[]): ForeignOutput {
  return {
    name,
    read(data, action) {
      action.fill(-1);
      for (let i = 0, at = 0; i < sizes.length; at += sizes[i++]) action[at + Number(data[i])] = 1;
    },
    assumed: `${quoteName(name)} has the choice of each part of the action`,
  };
}
