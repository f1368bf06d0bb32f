/**
 * Feeds mutated inputs to one reader and checks what every reader of ours promises: it returns, or it
 * throws a FileError; it takes less than a second and little memory; nothing reaches Object.prototype.
 */

import { errorLineOf, FileError } from "../../lib/system/errors.ts";
import { mutate } from "./mutate.ts";

/** A reader made ready: good inputs, and what is done with a hostile one. */
export interface FuzzTarget {
  /** Inputs that are accepted as they are. */
  readonly good: readonly Uint8Array[];
  read(bytes: Uint8Array): void;
}

/** Which inputs are tried. */
export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** The number of the first one; 0 unless given. */
  readonly first?: number;
  /** The longest that an input may take; MAX_MILLISECONDS unless given. */
  readonly maxMilliseconds?: number;
  /** Is told the number of every input before it is read. */
  readonly onStart?: (index: number) => void;
}

/** What came of it. */
export interface FuzzReport {
  readonly inputs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMilliseconds: number;
  /** The most memory that the process ever held, in MiB. */
  readonly mostMebibytes: number;
}

/** No reader may take longer for one input. */
export const MAX_MILLISECONDS = 1000;
/** No reader may make the process grow by more. */
export const MAX_GROWTH_MEBIBYTES = 200;

const MEMORY_SAMPLE_INPUTS = 500;
const MEBIBYTE = 2 ** 20;

/**
 * Tries inputs one after another.
 * @throws {Error} at the first input that breaks a promise: with its number, so that it can be repeated.
 */
export function fuzzReader(target: FuzzTarget, options: FuzzOptions): FuzzReport {
  const { inputs, seed, first = 0, maxMilliseconds = MAX_MILLISECONDS, onStart } = options;
  const report = { inputs, accepted: 0, refused: 0, slowestMilliseconds: 0, mostMebibytes: 0 };
  for (const [i, bytes] of target.good.entries()) {
    try {
      target.read(bytes);
    } catch (error) {
      throw new Error(`good input ${i} was refused: ${error}`, { cause: error });
    }
  }
  const start = peakMebibytes();
  for (let index = first; index < first + inputs; index++) {
    const bytes = mutate(target.good, { seed, index });
    onStart?.(index);
    const before = performance.now();
    const isAccepted = readOne(target, { bytes, place: `input ${index} of seed ${seed}` });
    const milliseconds = performance.now() - before;
    if (isAccepted) report.accepted++;
    else report.refused++;
    report.slowestMilliseconds = Math.max(report.slowestMilliseconds, milliseconds);
    if (milliseconds > maxMilliseconds) {
      throw new Error(`input ${index} of seed ${seed} took ${Math.round(milliseconds)} ms`);
    }
    if (index % MEMORY_SAMPLE_INPUTS === 0 || milliseconds > 20) {
      report.mostMebibytes = peakMebibytes();
      const growth = report.mostMebibytes - start;
      if (growth > MAX_GROWTH_MEBIBYTES) {
        throw new Error(
          `memory grew by ${Math.round(growth)} MiB up to input ${index} of seed ${seed}`,
        );
      }
    }
  }
  return report;
}

/** Reads the high-water mark of the process where the system keeps one, else what it holds now. */
function peakMebibytes(): number {
  try {
    const match = /^VmHWM:\s*([0-9]+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"));
    if (match !== null) return Number(match[1]) / 1024;
  } catch {
    // Not Linux.
  }
  return Deno.memoryUsage().rss / MEBIBYTE;
}

function readOne(
  target: FuzzTarget,
  { bytes, place }: { readonly bytes: Uint8Array; readonly place: string },
): boolean {
  let isAccepted = true;
  try {
    target.read(bytes);
  } catch (error) {
    if (!(error instanceof FileError)) {
      const name = error instanceof Error ? error.name : typeof error;
      throw new Error(`${place} threw a ${name}: ${error}`, { cause: error });
    }
    if (!/^Cannot [a-z]\P{Cc}+$/u.test(errorLineOf(error))) {
      throw new Error(`${place} threw an unclear FileError: ${JSON.stringify(error.message)}`);
    }
    isAccepted = false;
  }
  for (const key in {}) {
    delete (Object.prototype as Record<string, unknown>)[key];
    throw new Error(`${place} reached Object.prototype: ${key}`);
  }
  return isAccepted;
}
