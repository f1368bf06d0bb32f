/**
 * What TensorBoard shows of a run: of each record the numbers that are worth a plot, the final curve, and for its
 * HParams tab the configuration. What counts up by itself, or is the same as another number, is left out.
 */

import { type Config, flattenConfig } from "../config/config.ts";
import type { HparamValue } from "../formats/hparams.ts";
import type { MetricRecord } from "./metrics.ts";

/** A point of a plot or several: scalars by tag, and where they stand. */
export interface BoardPoint {
  /** Scalars by tag, such as "evaluation/mean". */
  readonly scalars: Readonly<Record<string, number>>;
  /** Place on the horizontal axis: environment steps, where the tag says nothing else. */
  readonly step: number;
}

/** The scalars that runs are compared by. */
export const COMPARED: readonly string[] = ["evaluation/mean", "evaluation/std"];

/** Commands 0 to 1 as whole numbers: TensorBoard's axis has no others. */
const CURVE_PARTS = 1000;
/** The tag of the final curve says what its axis is. */
const CURVE_TAG = "curve/return by command in thousandths";
/** Updates of the last fit come without steps between them: they stand by their number. */
const FIT_TAG = "fit/loss by update";

/** Turns records into points; one of them per run, since the last fit is told by what came before. */
export class Board {
  #episodeStep: number | undefined;
  #updateStep: number | undefined;

  /** Gives what is to be shown of a record. */
  pointsOf({ kind, step, ...values }: MetricRecord): BoardPoint[] {
    switch (kind) {
      case "episode":
        this.#episodeStep = step;
        return [{ step, scalars: named(kind, values, ["return", "length"]) }];
      case "update":
        return [this.#updatePoint(step, values)];
      case "evaluation":
        return [{
          step,
          scalars: {
            ...named(kind, values, ["mean", "std"]),
            ...prefixed("steps", values.simulated),
          },
        }];
      case "curve":
        return values.final === true ? curvePoints(values.points) : [];
      default:
        return [];
    }
  }

  #updatePoint(step: number, { loss, updates }: Partial<MetricRecord>): BoardPoint {
    const isLater = this.#episodeStep !== undefined && step !== this.#episodeStep;
    const isFit = isLater || step === this.#updateStep;
    this.#updateStep = step;
    return isFit
      ? { step: Number(updates), scalars: { [FIT_TAG]: Number(loss) } }
      : { step, scalars: { "update/loss": Number(loss) } };
  }
}

/** Gives the configuration as the HParams tab takes it: lists are words, "64, 64". */
export function hparamsOf(config: Config): Map<string, HparamValue> {
  const plain = (value: unknown): HparamValue =>
    typeof value === "number" || typeof value === "boolean"
      ? value
      : Array.isArray(value)
      ? value.join(", ")
      : String(value);
  return new Map([...flattenConfig(config)].map(([name, value]) => [name, plain(value)]));
}

function curvePoints(points: unknown): BoardPoint[] {
  return (Array.isArray(points) ? points : []).map(({ command, mean }) => ({
    step: Math.round(CURVE_PARTS * Number(command)),
    scalars: { [CURVE_TAG]: Number(mean) },
  }));
}

function named(
  kind: string,
  values: Partial<MetricRecord>,
  names: readonly string[] = Object.keys(values),
): Record<string, number> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = values[name];
    return typeof value === "number" ? [[`${kind}/${name}`, value]] : [];
  }));
}

function prefixed(prefix: string, values: unknown): Record<string, number> {
  return named(prefix, (values ?? {}) as Partial<MetricRecord>);
}
