/**
 * Feeds mutated inputs to one reader and checks what every reader of ours promises: it returns, or it
 * throws a FileError; it takes less than two seconds and 300 MB; nothing reaches Object.prototype.
 *
 * Time is that of the processor, so that a busy machine makes no reader slow.
 */

import process from "node:process";

import { errorLineOf, FileError } from "../../lib/system/errors.ts";
import { takePeakMebibytes } from "./memory.ts";
import { mutate } from "./mutate.ts";

/** A reader made ready: good inputs, and what is done with a hostile one. */
export interface FuzzTarget {
  /** Inputs that are accepted as they are. */
  readonly good: readonly Uint8Array[];
  /** May be late; what it gives is of no interest. */
  read(bytes: Uint8Array): unknown;
}

/** Which inputs are tried. */
export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** The number of the first one; 0 unless given. */
  readonly first?: number;
  /** The longest that an input may take; MAX_MILLISECONDS unless given. */
  readonly maxMilliseconds?: number;
  /** The most memory that the process may hold; MAX_MEBIBYTES unless given. */
  readonly maxMebibytes?: number;
  /** Is told the number of every input before it is read. */
  readonly onStart?: (index: number) => void;
}

/** What came of it. */
export interface FuzzReport {
  readonly inputs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMilliseconds: number;
  /** The most memory that the process held while it read about a hundred inputs, in MiB. */
  readonly mostMebibytes: number;
}

/** No reader may take longer for one input, in time of the processor. */
export const MAX_MILLISECONDS = 2000;
/** No reader may make the process larger. */
export const MAX_MEBIBYTES = 286; // 300 MB

const MEMORY_SAMPLE_INPUTS = 100;

/**
 * Tries inputs one after another.
 * @throws {Error} at the first input that breaks a promise: with its number, so that it can be repeated.
 */
export async function fuzzReader(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { inputs, seed, first = 0, maxMilliseconds = MAX_MILLISECONDS, onStart } = options;
  const { maxMebibytes = MAX_MEBIBYTES } = options;
  const report = { inputs, accepted: 0, refused: 0, slowestMilliseconds: 0, mostMebibytes: 0 };
  for (const [i, bytes] of target.good.entries()) {
    try {
      await target.read(bytes);
    } catch (error) {
      throw new Error(`good input ${i} was refused: ${error}`, { cause: error });
    }
  }
  takePeakMebibytes();
  for (let index = first; index < first + inputs; index++) {
    const bytes = mutate(target.good, { seed, index });
    onStart?.(index);
    const before = cpuMilliseconds();
    const isAccepted = await readOne(target, { bytes, place: `input ${index} of seed ${seed}` });
    const milliseconds = cpuMilliseconds() - before;
    if (isAccepted) report.accepted++;
    else report.refused++;
    report.slowestMilliseconds = Math.max(report.slowestMilliseconds, milliseconds);
    if (milliseconds > maxMilliseconds) {
      throw new Error(`input ${index} of seed ${seed} took ${Math.round(milliseconds)} ms`);
    }
    if (index % MEMORY_SAMPLE_INPUTS === 0 || milliseconds > 20) {
      const mebibytes = takePeakMebibytes();
      report.mostMebibytes = Math.max(report.mostMebibytes, mebibytes);
      if (mebibytes > maxMebibytes) {
        throw new Error(
          `memory grew to ${Math.round(mebibytes)} MiB up to input ${index} of seed ${seed}`,
        );
      }
    }
  }
  return report;
}

/** The time that this process has used the processor. */
function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function readOne(
  target: FuzzTarget,
  { bytes, place }: { readonly bytes: Uint8Array; readonly place: string },
): Promise<boolean> {
  let isAccepted = true;
  try {
    await target.read(bytes);
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
