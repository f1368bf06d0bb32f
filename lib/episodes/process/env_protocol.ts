/**
 * The line protocol between this program and an environment in a child process.
 *
 * One request per line on the child's standard input, one answer per line on its standard output, each
 * a JSON object; the child answers nothing unasked, and ends when its input ends. Lines that do not begin as
 * a JSON object does are passed over: libraries print. Its standard error is its own: the last line of it
 * appears in the error when the child dies.
 *
 *     {"command":"describe"}
 *       {"id":"Name-v0","observationSpace":{"low":[...],"high":[...],"dtype":"float32"},
 *        "actionSpace":{"low":[...],"high":[...],"dtype":"float32"} or {"n":2},
 *        "maxEpisodeSteps":500,"rewardThreshold":475,"returnRange":[0,500],"source":"..."}
 *     {"command":"reset","seed":7} or without a seed, to go on with the random stream
 *       {"observation":[...]}
 *     {"command":"step","action":[...]}
 *       {"observation":[...],"reward":1,"terminated":false,"truncated":false,"survivalReward":0}
 *
 * An answer {"error":"..."} to any request ends the conversation with that text, and one of
 * {"refused":"..."} to "describe" with a text for the user. An unbounded dimension is null in low and
 * high; actions without bounds are taken from -1 to 1, or 2 wide from the bound that there is.
 * Optional: rewardThreshold; returnRange (0 to maxEpisodeSteps); source; notes, texts that are said
 * once; versions, texts by name, which become part of what a run is; layout, an object that says in policy
 * files how observations are laid flat; survivalReward (0); dtype (float64
 * for observations, float32 for actions). Actions are [index] in a discrete space. Numbers must be
 * finite, those of observations in float32 too, but not those of the observation that ends an episode:
 * nobody acts on it; true and false count as 1 and 0 among them, and 1 and 0 as true and false. Python's NaN and Infinity, which are no JSON, are read as what they are: unbounded
 * in low and high, and a named mistake elsewhere.
 *
 * Answers come from a program that may be wrong or hostile: everything is checked here, named fields
 * only are read, and sizes are bounded.
 */

import type { BoxSpace, DiscreteSpace, EnvSpec } from "../../env.ts";
import { identityOf } from "../identity.ts";

/** No line of either side may be longer, in bytes. */
export const LONGEST_LINE_BYTES = 1 << 20;

/** Bounds on what a description may ask for. */
const MOST_DIMENSIONS = 10_000;
const MOST_CHOICES = 100_000;
const LONGEST_TEXT = 200;
const LONGEST_NOTE = 500;
const MOST_NOTES = 8;
const MOST_VERSIONS = 16;
const LONGEST_LAYOUT = 16_384;

/** How much of a wrong value an error text shows, in characters. */
const LONGEST_QUOTE = 80;

/** A request to the child. */
export type EnvRequest =
  | { readonly command: "describe" }
  | { readonly command: "reset"; readonly seed?: number }
  | { readonly command: "step"; readonly action: readonly number[] };

/** What an answer must be, and what it was; the caller says what could not be done. */
export class ProtocolError extends Error {
  /** The class, as error texts name it. */
  override readonly name = "ProtocolError";
  /** True where the child itself says that it failed. */
  readonly isChilds: boolean;

  /** Makes the error of an answer. */
  constructor(message: string, { isChilds = false }: { isChilds?: boolean } = {}) {
    super(message);
    this.isChilds = isChilds;
  }
}

function fail(rule: string, got: unknown): never {
  throw new ProtocolError(`${rule}, got ${quote(got)}`);
}

/** Shows what came in an error text: short, without control characters. */
export function quote(got: unknown): string {
  let text: string;
  try {
    const isText = typeof got === "string" || typeof got === "number";
    text = isText ? String(got) : JSON.stringify(got) ?? "nothing";
  } catch {
    text = "something nested too deeply"; // JSON.stringify recurses, JSON.parse does not
  }
  const clean = text.slice(0, LONGEST_QUOTE).replace(/\p{Cc}/gu, "?");
  return text.length > LONGEST_QUOTE ? `${clean}...` : clean;
}

/** A parsed answer; its fields are anything until they are read. */
export type Fields = Record<string, unknown>;

/** Reads a named field of a parsed object; never one that it inherits. */
function field(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/**
 * Reads one answer line as an object.
 * @throws {ProtocolError} when it is not a JSON object, or carries an "error".
 */
export function parseAnswer(line: string): Fields {
  let value: unknown;
  try {
    value = parseLoosely(line);
  } catch {
    fail("an answer must be one JSON object in a line", line);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail("an answer must be one JSON object in a line", line);
  }
  const error = field(value as Fields, "error");
  if (error !== undefined) {
    throw new ProtocolError(`the child must not fail, got ${quote(error)}`, { isChilds: true });
  }
  return value as Fields;
}

/** A string, or one of the words that Python's json module writes for numbers that JSON does not know. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
/** Stands for such a word, in front of it; no answer of a child begins so. */
const WORD_MARK = "\u0000number:";

/** Parses JSON in which numbers may also be NaN, Infinity and -Infinity. */
function parseLoosely(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (!/NaN|Infinity/.test(line)) throw error;
  }
  const marked = line.replace(
    STRING_OR_WORD,
    (found) => found.startsWith('"') ? found : JSON.stringify(`${WORD_MARK}${found}`),
  );
  return JSON.parse(
    marked,
    (_, value) =>
      typeof value === "string" && value.startsWith(WORD_MARK)
        ? Number(value.slice(WORD_MARK.length))
        : value,
  );
}

function readText(fields: Fields, name: string, fallback?: string): string {
  const value = field(fields, name) ?? fallback;
  if (typeof value !== "string" || value.length === 0 || value.length > LONGEST_TEXT) {
    fail(`"${name}" must be a text of 1 to ${LONGEST_TEXT} characters`, value);
  }
  return value;
}

/** Reads an integer from 1 to `most`. @throws {ProtocolError} */
export function readInteger(fields: Fields, name: string, most: number): number {
  const value = field(fields, name);
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > most) {
    fail(`"${name}" must be an integer from 1 to ${most}`, value);
  }
  return value;
}

function readNumber(fields: Fields, name: string, fallback?: number): number {
  const given = field(fields, name);
  const value = fallback === undefined ? given : given ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fail(`"${name}" must be a finite number`, value);
  }
  return value;
}

/** Reads a truth; 0 and 1 are what NumPy and C make of it. */
function readBoolean(fields: Fields, name: string): boolean {
  const value = field(fields, name);
  if (value === 0 || value === 1) return value === 1;
  if (typeof value !== "boolean") fail(`"${name}" must be true or false`, value);
  return value;
}

function readBox(space: Fields, name: string, dtype: BoxSpace["dtype"]): BoxSpace {
  const kind = field(space, "dtype") ?? dtype;
  if (kind !== "float32" && kind !== "float64") {
    fail(`"${name}" must have the dtype "float32" or "float64"`, kind);
  }
  const read = (side: "low" | "high", unbounded: number) => {
    const bounds = field(space, side);
    if (!Array.isArray(bounds) || bounds.length === 0 || bounds.length > MOST_DIMENSIONS) {
      fail(`"${side}" of "${name}" must have 1 to ${MOST_DIMENSIONS} numbers`, bounds);
    }
    return Float64Array.from(bounds, (bound: unknown) => {
      if (bound === null) return unbounded;
      if (typeof bound !== "number") {
        fail(`"${side}" of "${name}" must have numbers or null`, bound);
      }
      return bound;
    });
  };
  const low = read("low", -Infinity);
  const high = read("high", Infinity);
  if (low.length !== high.length || low.some((x, i) => !(x <= high[i]))) {
    fail(`"low" of "${name}" must not lie above "high" in any dimension`, space);
  }
  return { kind: "box", low, high, dtype: kind };
}

function readSpace(fields: Fields, name: string): Fields {
  const space = field(fields, name);
  if (typeof space !== "object" || space === null) fail(`"${name}" must be an object`, space);
  return space as Fields;
}

function readActionSpace(fields: Fields): BoxSpace | DiscreteSpace {
  const space = readSpace(fields, "actionSpace");
  if (field(space, "n") === undefined) return bounded(readBox(space, "actionSpace", "float32"));
  return { kind: "discrete", n: readInteger(space, "n", MOST_CHOICES) };
}

/** Gives actions without bounds the scale of a policy's output. */
function bounded({ low, high, ...space }: BoxSpace): BoxSpace {
  const free = (i: number) => low[i] === -Infinity && high[i] === Infinity;
  return {
    ...space,
    low: low.map((x, i) => free(i) ? -1 : x === -Infinity ? high[i] - 2 : x),
    high: high.map((x, i) => free(i) ? 1 : x === Infinity ? low[i] + 2 : x),
  };
}

/** Reads why the child makes no environment, for the user; undefined when it does. */
export function readRefusal(fields: Fields): string | undefined {
  const refused = field(fields, "refused");
  return refused === undefined ? undefined : String(refused).slice(0, LONGEST_NOTE);
}

/** Lists what the user should know of a described environment, in a sentence each. */
export function readNotes(fields: Fields): string[] {
  const notes = field(fields, "notes") ?? [];
  if (!Array.isArray(notes) || notes.length > MOST_NOTES) {
    fail(`"notes" must be at most ${MOST_NOTES} texts`, notes);
  }
  const texts = notes.map((note) => String(note).slice(0, LONGEST_NOTE));
  const space = readSpace(fields, "actionSpace");
  if (field(space, "n") !== undefined) return texts;
  const { low, high } = readBox(space, "actionSpace", "float32");
  const free = [...low.keys()].filter((i) => !Number.isFinite(low[i]) || !Number.isFinite(high[i]));
  if (free.length === 0) return texts;
  const box = bounded({ kind: "box", low, high, dtype: "float32" });
  const [i] = free;
  const which = free.length === low.length ? "all numbers" : `${free.length} of ${low.length}`;
  return [
    ...texts,
    `Actions lack a bound (${which}): they are taken from ${box.low[i]} to ${box.high[i]}${
      free.length > 1 ? " or alike" : ""
    }; wrap the environment to choose another scale`,
  ];
}

/**
 * Reads the answer to "describe".
 * @throws {ProtocolError} with the rule that it breaks.
 */
export function readDescription(fields: Fields, title: string): EnvSpec {
  const maxEpisodeSteps = readInteger(fields, "maxEpisodeSteps", 1e9);
  const range = field(fields, "returnRange") ?? [0, maxEpisodeSteps];
  if (
    !Array.isArray(range) || range.length !== 2 || !range.every(Number.isFinite) ||
    !(range[0] < range[1])
  ) {
    fail('"returnRange" must be two finite numbers in order', range);
  }
  const threshold = field(fields, "rewardThreshold") ?? undefined;
  const spec: EnvSpec = {
    id: readText(fields, "id"),
    observationSpace: readBox(readSpace(fields, "observationSpace"), "observationSpace", "float64"),
    actionSpace: readActionSpace(fields),
    maxEpisodeSteps,
    ...(threshold === undefined ? {} : { rewardThreshold: readNumber(fields, "rewardThreshold") }),
    returnRange: [range[0], range[1]],
    ...readLayout(fields),
    source: readText(fields, "source", `child process: ${title}`.slice(0, LONGEST_TEXT)),
  };
  return { ...spec, identity: identityOf(spec, readVersions(fields)) };
}

/** Reads how spaces become numbers: an object that is for people and other programs, not for this one. */
function readLayout(fields: Fields): { layout?: string } {
  const layout = field(fields, "layout") ?? undefined;
  if (layout === undefined) return {};
  const rule = `"layout" must be an object of at most ${LONGEST_LAYOUT} characters`;
  if (typeof layout !== "object" || Array.isArray(layout)) fail(rule, layout);
  let text: string;
  try {
    text = JSON.stringify(layout);
  } catch {
    fail(rule, layout); // nested too deeply
  }
  return text.length > LONGEST_LAYOUT ? fail(rule, layout) : { layout: text };
}

/** Reads the versions of what plays the environment, by name. */
function readVersions(fields: Fields): [name: string, version: string][] {
  const versions = field(fields, "versions") ?? {};
  const rule = `"versions" must be at most ${MOST_VERSIONS} texts by name`;
  if (typeof versions !== "object" || Array.isArray(versions)) fail(rule, versions);
  const entries = Object.entries(versions as Fields);
  if (entries.length > MOST_VERSIONS) fail(rule, entries.length);
  return entries.map(([name, version]) => {
    if (typeof version !== "string" && typeof version !== "number") fail(rule, version);
    return [name, String(version)];
  });
}

/** Writes a specification as text that is the same for the same one, unbounded dimensions included. */
export function describeSpec(spec: Partial<EnvSpec>): string {
  return JSON.stringify(
    spec,
    (_, value) => ArrayBuffer.isView(value) ? String(value) : value,
  );
}

/**
 * Reads the observation of an answer into `out`, [S].
 * @throws {ProtocolError} when it has another length or a number that no policy can read, in float32.
 */
export function readObservation(fields: Fields, out: Float64Array): void {
  const observation = field(fields, "observation");
  if (!Array.isArray(observation) || observation.length !== out.length) {
    const got = Array.isArray(observation) ? `${observation.length}` : observation;
    fail(`"observation" must have ${out.length} numbers as described`, got);
  }
  readNumbers(observation, out);
}

function truthAsNumber(value: unknown): unknown {
  return typeof value === "boolean" ? Number(value) : value;
}

/** Reads an observation of the right length into `out`, [S]. @throws {ProtocolError} as `readObservation` does. */
export function readNumbers(observation: ArrayLike<unknown>, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    const value = truthAsNumber(observation[i]);
    if (typeof value !== "number" || !Number.isFinite(Math.fround(value))) {
      fail(`number ${i} of "observation" must be finite in float32`, value);
    }
    out[i] = value;
  }
}

/**
 * Reads what an answer to "step" says of the observation that ends an episode into `out`, [S]: whatever
 * is no finite number in its place leaves the one before.
 */
export function copyObservation(fields: Fields, out: Float64Array): void {
  const observation = field(fields, "observation");
  if (Array.isArray(observation)) copyNumbers(observation, out);
}

/** Does the same with the observation itself. */
export function copyNumbers(observation: ArrayLike<unknown>, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    const value = truthAsNumber(observation[i]);
    if (typeof value === "number" && Number.isFinite(Math.fround(value))) out[i] = value;
  }
}

/** Reads the rest of the answer to "step". @throws {ProtocolError} with the rule that it breaks. */
export function readOutcome(
  fields: Fields,
): { reward: number; survivalReward: number; terminated: boolean; truncated: boolean } {
  return {
    reward: readNumber(fields, "reward"),
    survivalReward: readNumber(fields, "survivalReward", 0),
    terminated: readBoolean(fields, "terminated"),
    truncated: readBoolean(fields, "truncated"),
  };
}
