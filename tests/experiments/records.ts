/**
 * What the experiments have measured: one JSON line per run in results.jsonl. The file only grows; where
 * a run was measured again, its last line counts.
 */

import { isThere } from "../../lib/system/files.ts";
import type { Band, Row } from "./tables.ts";

/** One run and what was measured of it. */
export interface RunRecord {
  /** Name of the table. */
  readonly table: string;
  readonly env: string;
  /** Budget of simulated steps. */
  readonly steps: number;
  readonly seed: number;
  /** What differs from the default, where something does. */
  readonly variant?: string;
  /** The returns that no update saw, where some were kept out. */
  readonly band?: Band;
  /** Return of the policy handed out for the highest request, in fresh episodes without noise. */
  readonly final: { readonly mean: number; readonly std: number; readonly n: number };
  /** Highest return of a single training episode, noise and luck included. */
  readonly best: number;
  /**
   * Returns of the best command while it trained, or of training episodes where there are fewer than five of
   * those; absent in records of before 2026-11-27.
   */
  readonly learning?: readonly (readonly [step: number, mean: number])[];
  /** How the generator obeys; absent where the best policy is no better than a random one. */
  readonly obeys?: Obedience;
  /** Simulated steps of the whole run, measurements of the learner's own included. */
  readonly simulatedSteps: number;
  /** Duration of the training; absent where it was interrupted. */
  readonly wallSeconds?: number;
  /** Cores that the training had. */
  readonly cores: number;
  /** The command that measures this run again. */
  readonly command: string;
  /** Commit of the program, with "-dirty" where files had changed since. */
  readonly commit: string;
  /** Day of the measurement, UTC. */
  readonly date: string;
}

/** How a generator obeys over a range of returns. */
export interface Obedience {
  /** A random policy's mean return: that of the first episodes of the run. */
  readonly from: number;
  /** The highest request: a share of the way to the best policy's return. */
  readonly to: number;
  /** Rank correlation of requested and achieved returns; absent where all achieved are equal. */
  readonly spearman?: number;
  /** Mean difference of achieved and requested, as a share of the range. */
  readonly meanError: number;
  /** Share of requests whose policy came within 5 % of the range. */
  readonly met: number;
  /** The requests, evenly over the range, with what their policies earned. */
  readonly points: readonly (readonly [
    requested: number,
    mean: number,
    std: number,
    episodes: number,
  ])[];
  /** Of `of` random requests, how many policies of `generate --tolerance` came within 5 %. */
  readonly generated?: { readonly met: number; readonly of: number };
}

/** What tells one run from another. */
export type RunKey = Pick<RunRecord, "table" | "env" | "steps" | "seed" | "variant">;

/** Gives the key of a row's run. */
export function runKey(table: string, row: Row, seed: number): RunKey {
  const { env, steps, variant } = row;
  return { table, env, steps, seed, ...(variant === undefined ? {} : { variant }) };
}

/** Says whether two keys mean the same run. */
export function isSameRun(a: RunKey, b: RunKey): boolean {
  return a.table === b.table && a.env === b.env && a.steps === b.steps && a.seed === b.seed &&
    a.variant === b.variant;
}

/**
 * Reads records, the last one of every run, in the order of the file; none where there is no file.
 * @throws {SyntaxError} when a line is not a record.
 */
export function readRecords(path: string): RunRecord[] {
  if (!isThere(path)) return [];
  const lines = Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  const all = lines.map((line, i) => parseRecord(line, `${path}:${i + 1}`));
  return all.filter((record, i) => !all.slice(i + 1).some((later) => isSameRun(record, later)));
}

function parseRecord(line: string, place: string): RunRecord {
  let got = "no final return";
  try {
    const record = JSON.parse(line) as RunRecord;
    if (typeof record?.final?.mean === "number") return record;
  } catch (error) {
    got = (error as Error).message;
  }
  throw new SyntaxError(`Cannot read results: ${place} must be a record, got ${got}`);
}

/** Appends a record in one write, numbers rounded to six digits. */
export function appendRecord(path: string, record: RunRecord): void {
  const round = (_key: string, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(6)) : value;
  Deno.writeTextFileSync(path, `${JSON.stringify(record, round)}\n`, { append: true });
}
