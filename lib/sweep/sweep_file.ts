/**
 * Sweep files: a configuration file with the values that vary added to it.
 *
 *     name = "rates"                  # names the folder runs/rates; the file's name when left out
 *     env = "CartPole-v1"             # anything that a configuration file may hold: what all runs share
 *     steps = 20_000
 *     seeds = 3                       # seeds 1, 2, 3; or a list of seeds
 *     [grid]                          # every combination
 *     update.learningRate = [1e-4, 3e-4]
 *     policy.hiddenSizes = [[32], [64, 64]]
 *     [[list]]                        # these combinations, one table each
 *     update.perCycle = 4
 *     update.batchSize = 48
 *     [random]                        # drawn values: `draws` sets of all of them
 *     draws = 8
 *     seed = 1                        # of the draws, 1 when left out
 *     rollout.noiseScale = { min = 0.01, max = 0.3, scale = "log" }
 *     buffer.kind = { choices = ["bucket", "fifo"] }
 *
 * There is a run for every list entry, grid point, draw and seed. An option varies in one place alone.
 * The module is longer than most because every key's form, check and error text stand together.
 */

import { basename } from "node:path";
import {
  checkOption,
  findOption,
  listOptions,
  type NamedOption,
  unknownHint,
} from "../config/config.ts";
import { parseToml, readConfigTable, readConfigText } from "../config/config_file.ts";
import { FileError } from "../system/errors.ts";
import { quoteName } from "../system/words.ts";

/** Values by dotted option name. */
export type Values = ReadonlyMap<string, unknown>;

/** How a drawn value is distributed. */
export type Distribution =
  | {
    readonly min: number;
    readonly max: number;
    readonly scale: "linear" | "log";
    readonly isInteger: boolean;
  }
  | { readonly choices: readonly unknown[] };

/** What a sweep file says; every value is checked. */
export interface SweepFile {
  /** The sweep's name, also of its folder. */
  readonly name: string;
  /** Options that all runs share. */
  readonly base: Values;
  /** Run settings that all runs share: preset, threads and their like. */
  readonly settings: Values;
  /** Every combination runs once with each. */
  readonly seeds: readonly number[];
  /** Entries of [[list]]; one empty entry when there are none. */
  readonly list: readonly Values[];
  /** Dotted option names to the values of which every combination runs. */
  readonly grid: ReadonlyMap<string, readonly unknown[]>;
  /** Combinations drawn at random. */
  readonly random: {
    /** Sets of values; 1 of nothing when the file has no [random]. */
    readonly draws: number;
    /** Of the draws. */
    readonly seed: number;
    /** How each option is drawn. */
    readonly options: ReadonlyMap<string, Distribution>;
  };
}

/** What a sweep may be called: it names a folder. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const MAX_RUNS = 100_000;
const SWEEP_KEYS = ["name", "seeds", "grid", "list", "random"] as const;

/**
 * Reads a sweep file.
 * @throws {FileError} when it is missing, no TOML, or holds an unknown key or a bad value.
 */
export function readSweepFile(path: string): SweepFile {
  return parseSweep(readConfigText(path), path);
}

/**
 * Tells whether a TOML file is a sweep rather than the configuration of one run.
 * @throws {FileError} when it is missing or no TOML.
 */
export function isSweepFile(path: string): boolean {
  const table = parseToml(readConfigText(path), path);
  return SWEEP_KEYS.some((key) => Object.hasOwn(table, key));
}

/**
 * Reads a sweep from TOML text.
 * @param path What the text is called in errors, and where the sweep's name is taken from.
 * @throws {FileError} as `readSweepFile` does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseSweep } from "./sweep_file.ts";
 * const sweep = parseSweep("seeds = 2\n[grid]\nupdate.batchSize = [8, 16]", "rates.toml");
 * assert.equal(sweep.name, "rates");
 * assert.deepEqual(sweep.seeds, [1, 2]);
 * assert.deepEqual(sweep.grid.get("update.batchSize"), [8, 16]);
 * ```
 */
export function parseSweep(text: string, path: string): SweepFile {
  const table = parseToml(text, path) as Record<string, unknown>;
  const own = new Map<string, unknown>();
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(table)) {
    if ((SWEEP_KEYS as readonly string[]).includes(key)) own.set(key, value);
    else rest[key] = value;
  }
  const { options, settings } = readConfigTable(rest, path);
  const reader = new Reader(path);
  if (settings.has("out")) reader.fail('unknown key "out": give --out, or name the sweep');
  const random = reader.table(own.get("random"), "random");
  const { draws, seed = 1, ...drawn } = random;
  const sweep: SweepFile = {
    name: reader.name(own.get("name")),
    base: options,
    settings,
    seeds: reader.seeds(own.get("seeds"), options.get("seed")),
    list: reader.list(own.get("list")),
    grid: reader.grid(own.get("grid")),
    random: {
      draws: reader.draws(draws, drawn),
      seed: reader.integer(seed, "random.seed", { min: 0, max: Number.MAX_SAFE_INTEGER }),
      options: reader.distributions(drawn),
    },
  };
  reader.checkPlaces(sweep, own.has("seeds"));
  reader.checkSize(sweep);
  return sweep;
}

/** Reads the parts of one file; errors name it. */
class Reader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  fail(rule: string): never {
    throw new FileError(`Cannot read sweep ${JSON.stringify(this.#path)}: ${rule}`);
  }

  name(value: unknown): string {
    const name = value ?? (basename(this.#path).replace(/\.toml$/i, "") || "sweep");
    if (typeof name === "string" && NAME_PATTERN.test(name)) return name;
    return this.fail(
      `name must begin with a letter or digit and hold those, ".", "_" and "-" alone, got ${
        JSON.stringify(name)
      }${value === undefined ? ': add a name = "..."' : ""}`,
    );
  }

  integer(value: unknown, key: string, { min, max }: { min: number; max: number }): number {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
      return value as number;
    }
    return this.fail(`${key} must be an integer from ${min} to ${max}, got ${shown(value)}`);
  }

  seeds(value: unknown, single: unknown): number[] {
    if (value === undefined) return [single === undefined ? 1 : single as number];
    if (!Array.isArray(value)) {
      const count = this.integer(value, "seeds", { min: 1, max: MAX_RUNS });
      return Array.from({ length: count }, (_, i) => i + 1);
    }
    if (value.length === 0) this.fail("seeds must hold at least one seed, got []");
    const seeds = value.map((item) => this.#check("seed", item, "seeds") as number);
    return [...new Set(seeds)];
  }

  table(value: unknown, key: string): Record<string, unknown> {
    if (value === undefined) return {};
    if (isTable(value)) return value;
    return this.fail(`"${key}" must be a table [${key}]`);
  }

  list(value: unknown): Values[] {
    if (value === undefined) return [new Map()];
    if (!Array.isArray(value) || !value.every(isTable)) {
      return this.fail('"list" must be tables [[list]]');
    }
    return value.map((entry) => {
      const options = this.#options(entry, "list");
      return new Map(
        [...options].map(([name, item]) => [name, this.#check(name, item, "list")]),
      );
    });
  }

  grid(value: unknown): Map<string, unknown[]> {
    const axes = this.#options(this.table(value, "grid"), "grid");
    return new Map([...axes].map(([name, values]) => {
      if (!Array.isArray(values) || values.length === 0) {
        this.fail(`grid.${name} must be a list of values, got ${shown(values)}`);
      }
      return [name, (values as unknown[]).map((item) => this.#check(name, item, "grid"))];
    }));
  }

  draws(value: unknown, drawn: object): number {
    if (value !== undefined) return this.integer(value, "random.draws", { min: 1, max: MAX_RUNS });
    if (Object.keys(drawn).length > 0) this.fail("random.draws must say how many draws, got none");
    return 1;
  }

  distributions(drawn: Record<string, unknown>): Map<string, Distribution> {
    const options = this.#options(drawn, "random");
    return new Map([...options].map(([name, value]) => [name, this.#distribution(name, value)]));
  }

  #distribution(name: string, value: unknown): Distribution {
    const form = "{ min, max, scale } or { choices }";
    if (!isTable(value)) return this.fail(`random.${name} must be ${form}, got ${shown(value)}`);
    const known = "choices" in value ? ["choices"] : ["min", "max", "scale"];
    const unknown = Object.keys(value).find((key) => !known.includes(key));
    if (unknown !== undefined) this.fail(`random.${name} must be ${form}, got "${unknown}" in it`);
    if ("choices" in value) {
      const { choices } = value;
      if (!Array.isArray(choices) || choices.length === 0) {
        return this.fail(`random.${name}.choices must be a list of values, got ${shown(choices)}`);
      }
      return { choices: choices.map((item) => this.#check(name, item, "random")) };
    }
    const { type } = findOption(name).rule;
    if (type !== "number" && type !== "integer") {
      this.fail(`random.${name} must be { choices }, because the option is no number`);
    }
    const [min, max] = ["min", "max"].map((key) =>
      this.#check(name, value[key], `random, ${key}`) as number
    );
    const { scale = "linear" } = value;
    if (scale !== "linear" && scale !== "log") {
      return this.fail(`random.${name}.scale must be linear or log, got ${shown(scale)}`);
    }
    if (min > max) this.fail(`random.${name} must have min <= max, got ${min} > ${max}`);
    if (scale === "log" && min <= 0) {
      this.fail(`random.${name} must have min > 0 on a log scale, got ${min}`);
    }
    return { min, max, scale, isInteger: type === "integer" };
  }

  /** An option may vary in one place; seeds have their own key. */
  checkPlaces({ base, list, grid, random }: SweepFile, hasSeeds: boolean): void {
    const places = new Map<string, string>();
    for (
      const [place, names] of [
        ["list", new Set(list.flatMap((entry) => [...entry.keys()]))],
        ["grid", grid.keys()],
        ["random", random.options.keys()],
      ] as const
    ) {
      for (const name of names) {
        if (name === "seed") this.fail(`"seed" must not stand in ${place}: use seeds`);
        const other = places.get(name);
        if (other) this.fail(`"${name}" must vary in one place, got it in ${other} and ${place}`);
        places.set(name, place);
      }
    }
    if (hasSeeds && base.has("seed")) {
      this.fail('one of "seed" and "seeds" must be given, got both');
    }
  }

  checkSize({ seeds, list, grid, random }: SweepFile): void {
    const points = [...grid.values()].reduce((product, values) => product * values.length, 1);
    const runs = list.length * points * random.draws * seeds.length;
    if (runs > MAX_RUNS) this.fail(`it must have at most ${MAX_RUNS} runs, got ${runs}`);
  }

  /** Finds the options in a table, written as `a.b = ...`, `"a.b" = ...` or [table.a] with b = ... */
  #options(table: Record<string, unknown>, place: string): Map<string, unknown> {
    const known = new Set(
      listOptions().filter(({ rule }) => !rule.isRecorded).map(({ name }) => name),
    );
    const found = new Map<string, unknown>();
    const visit = (inner: Record<string, unknown>, prefix: string) => {
      for (const [key, value] of Object.entries(inner)) {
        const name = `${prefix}${key}`;
        if (known.has(name)) found.set(name, value);
        else if (prefix === "" && isTable(value)) visit(value, `${name}.`);
        else {
          const shownName = quoteName(name);
          this.fail(`unknown option ${shownName} in ${place}${unknownHint(name, [...known])}`);
        }
      }
    };
    visit(table, "");
    return found;
  }

  #check(name: string, value: unknown, place: string): unknown {
    const option: NamedOption = findOption(name);
    try {
      return checkOption(option, value, `"${this.#path}", ${place}`);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) {
        throw new FileError(error.message);
      }
      throw error;
    }
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function shown(value: unknown): string {
  return value === undefined ? "none" : JSON.stringify(value).slice(0, 200);
}
