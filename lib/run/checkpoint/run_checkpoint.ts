/**
 * What a run's checkpoints say besides its state: which configuration and version made them, how long
 * the log was, and, once the run is finished, how it ended. The rules of resuming are here too: what may
 * have changed since, and what may not.
 *
 * A finished run's checkpoint holds the state before the run's end (selection, calibration, final
 * evaluation), so that the run can be continued with a larger budget as if it had not ended. What the
 * end did cost stays counted: its counters are kept beside it and its records stay in the log.
 */

import type { CapturedState } from "../state.ts";
import type { CheckpointContent } from "./store.ts";
import type { LoadedCheckpoint } from "./reader.ts";
import { type Config, flattenConfig, listOptions, resolveConfig } from "../../config/config.ts";
import { compareIdentities, describeChanges } from "../../episodes/identity.ts";
import { FileError } from "../../system/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../formats/json.ts";
import type { LogPositions } from "../log.ts";
import type { Summary } from "../../numbers/statistics.ts";
import type { Tally } from "../../algorithm/run.ts";
import { VERSION } from "../../system/version.ts";

/** How a run ended, and where its log did. */
export interface RunEnd {
  /** What was done, the end included. */
  readonly counters: Tally;
  /** Number of gradient updates, the end included. */
  readonly updates: number;
  /** Where the log ended. */
  readonly log: LogPositions;
  /** Return of the best command over fresh episodes. */
  readonly finalReturn: Summary;
}

/** What a checkpoint says of its run. */
export interface RunNotes {
  /** Version of the program that wrote the checkpoint. */
  readonly version: string;
  /** The resolved configuration. */
  readonly config: Config;
  /** What the updates were computed on: it may round differently. */
  readonly machine: Machine;
  /** Where the log stood. */
  readonly log: LogPositions;
  /** Absent until the run is finished. */
  readonly end: RunEnd | undefined;
}

/** The part of the settings that changes how numbers are rounded. */
export interface Machine {
  /** Device of the updates. */
  readonly device: string;
  /** 0 stands for one per core. */
  readonly threads: number;
}

/** One option whose value differs. */
export interface ConfigChange {
  /** Dotted name of the option. */
  readonly name: string;
  /** Value before. */
  readonly from: unknown;
  /** Value now. */
  readonly to: unknown;
}

/** Puts a state and its notes together as a checkpoint. */
export function checkpointOf(
  state: CapturedState,
  { config, machine, log, end }: Omit<RunNotes, "version">,
): CheckpointContent {
  const notes = {
    version: VERSION,
    config,
    machine,
    log,
    end: end === undefined ? null : {
      ...end,
      finalReturn: { mean: end.finalReturn.mean, std: end.finalReturn.std, n: end.finalReturn.n },
    },
  };
  // Through text, because a checkpoint's JSON takes no -0, and 0 is as good here.
  return { ...state, meta: JSON.parse(JSON.stringify(notes)) as JsonObject };
}

/**
 * Reads the notes of a checkpoint.
 * @throws {FileError} when they are not what this program writes.
 */
export function notesOf({ meta }: LoadedCheckpoint, name: string): RunNotes {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read checkpoint ${JSON.stringify(name)}: ${rule}`);
  };
  const object = (value: JsonValue | undefined, what: string): JsonObject =>
    isJsonObject(value) ? value : fail(`${what} must be an object`);
  const count = (value: JsonValue | undefined, what: string): number =>
    typeof value === "number" && Number.isFinite(value) ? value : fail(`${what} must be a number`);
  const positions = (value: JsonValue | undefined): LogPositions => {
    const { metricsBytes, eventsBytes } = object(value, "log");
    return {
      metricsBytes: count(metricsBytes, "metricsBytes"),
      eventsBytes: count(eventsBytes, "eventsBytes"),
    };
  };
  const text = (value: JsonValue | undefined, what: string): string =>
    typeof value === "string" ? value : fail(`${what} must be text`);
  const readEnd = (value: JsonValue | undefined): RunEnd | undefined => {
    if (value === null) return undefined;
    const end = object(value, "end");
    const { mean, std, n } = object(end.finalReturn, "finalReturn");
    const counters = object(end.counters, "counters");
    const steps = object(counters.steps, "counters.steps");
    for (const [key, number] of [...Object.entries(counters), ...Object.entries(steps)]) {
      if (key !== "steps") count(number, key);
    }
    return {
      counters: { ...counters, steps: { ...steps } } as unknown as Tally,
      updates: count(end.updates, "updates"),
      log: positions(end.log),
      finalReturn: { mean: count(mean, "mean"), std: count(std, "std"), n: count(n, "n") },
    };
  };
  const machine = object(meta.machine, "machine");
  return {
    version: text(meta.version, "version"),
    config: readConfig(object(meta.config, "config"), name),
    machine: {
      device: text(machine.device, "device"),
      threads: count(machine.threads, "threads"),
    },
    log: positions(meta.log),
    end: readEnd(meta.end),
  };
}

function readConfig(json: JsonObject, name: string): Config {
  try {
    const layer = { source: `checkpoint "${name}"`, values: flattenConfig(json), isWhole: true };
    return resolveConfig([layer]).config;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new FileError(`Cannot read checkpoint ${JSON.stringify(name)}: ${error.message}`);
    }
    throw error;
  }
}

/** Lists the options in which two configurations differ, in the order of the option table. */
export function changesBetween(from: Config, to: Config): ConfigChange[] {
  const [before, after] = [flattenConfig(from), flattenConfig(to)];
  return listOptions().flatMap(({ name }) => {
    const change = { name, from: before.get(name), to: after.get(name) };
    return JSON.stringify(change.from) === JSON.stringify(change.to) ? [] : [change];
  });
}

/**
 * Checks that a run may go on with a configuration: only its budget may differ.
 * @throws {FileError} with every other difference.
 */
export function assertResumable(folder: string, from: Config, to: Config): void {
  const changes = changesBetween(from, to).filter(({ name }) => name !== "steps");
  if (changes.length === 0) return;
  const shown = changes.map(({ name, from, to }) =>
    name === "environment"
      ? `another environment (${describeChanges(compareIdentities(String(from), String(to)))})`
      : `${name} = ${JSON.stringify(to)} instead of ${JSON.stringify(from)}`
  );
  throw new FileError(
    `Cannot resume run ${JSON.stringify(folder)}: its configuration must stay as it is, got ` +
      `${shown.join(", ")}: take the run's own config.toml or start a new run`,
  );
}
