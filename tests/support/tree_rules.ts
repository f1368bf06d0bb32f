/**
 * The rules of the tree, as pure functions over a table of files: who may import whom, and what stands
 * in one place alone. tests/tree_test.ts applies them to the files that there are.
 *
 * Imports are found by pattern, not by parsing: statements begin a line in formatted code, and the
 * specifier of a dynamic import is a literal. Browser scripts (.js) and AssemblyScript (.as.ts) are
 * other programs and not looked at.
 */

import { dirname, join } from "node:path/posix";

/** Paths from the root of the repository to the text of the files. */
export type SourceTable = ReadonlyMap<string, string>;

/** One import of a file. */
export interface ImportEdge {
  /** As it is written; undefined for a dynamic import whose specifier is computed. */
  readonly specifier: string | undefined;
  /** "type" vanishes when the program runs, "dynamic" happens when the code gets there. */
  readonly kind: "value" | "type" | "dynamic";
}

/** Where a package may be imported: in one file, or anywhere in a folder. */
const PACKAGE_PLACES: Readonly<Record<string, string>> = {
  "@mujoco/mujoco": "envs/mujoco/simulation.ts",
  "@optique/core": "lib/cli/",
  "hershey": "lib/formats/canvas.ts",
  "omggif": "lib/report/play/gif_picture.ts",
  "onnxruntime-node": "lib/onnx/session.ts",
  "smol-toml": "lib/config/config_file.ts",
  "uplot": "lib/report/assets.ts",
};

/** Where a specifier may be computed: the worker is told which modules to load. */
const COMPUTED_IMPORTS = "lib/episodes/workers/episode_worker.ts";

/**
 * The floors of lib, lowest first, each with its rooms. A room imports rooms of lower floors, never one
 * beside it or above it.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["numbers", "system", "kernels"],
  ["config", "autodiff", "formats"],
  ["onnx", "episodes"],
  ["learner"],
  ["generator"],
  ["algorithm"],
  ["rivals"],
  ["run"],
  ["sweep"],
  ["report"],
  ["cli"],
];

/**
 * The files that lie flat in lib: contracts, which belong to no room. `env.ts` lies below every floor, the
 * others between the second floor and the third.
 */
const CONTRACTS: Readonly<Record<string, number>> = {
  "lib/env.ts": -1,
  "lib/model.ts": 1.5,
  "lib/policy_space.ts": 1.5,
};

/** What stands in one file alone, so that runs are functions of their seed. */
const ONE_PLACE = "lib/system/clock.ts";
const IN_ONE_PLACE =
  /\b(?:Math\s*\.\s*random|(?:Date|performance)\s*\.\s*now)\b|\bnew Date\(\s*\)/g;

/** Lists what a file imports, in order. */
export function listImports(source: string): ImportEdge[] {
  const code = withoutComments(source);
  const edges: ImportEdge[] = [];
  const statements =
    /^(?:import|export)\s+(type\s+)?([\w*{}\s,$]*?)\s*(?:from\s*)?["']([^"'\n]+)["']/gm;
  for (const [, type, names, specifier] of code.matchAll(statements)) {
    edges.push({ specifier, kind: type || namesTypesOnly(names) ? "type" : "value" });
  }
  for (const [, specifier] of code.matchAll(/\bimport\(\s*(?:["']([^"'\n]+)["'])?/g)) {
    edges.push({ specifier, kind: "dynamic" });
  }
  return edges;
}

function namesTypesOnly(names: string): boolean {
  const listed = /^\{([^}]*)\}$/.exec(names.trim())?.[1].split(",").map((name) => name.trim())
    .filter((name) => name !== "");
  return listed !== undefined && listed.length > 0 &&
    listed.every((name) => name.startsWith("type "));
}

/** Blanks comments; strings stay, so that "https://" is not taken for one. */
function withoutComments(source: string): string {
  const pieces =
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/.*/g;
  return source.replace(pieces, (piece) => piece.startsWith("/") ? " " : piece);
}

/**
 * Lists what breaks the rules of the tree, each as one line that begins with the file.
 * @param packages names that the import map of deno.json has
 */
export function findBrokenRules(sources: SourceTable, packages: readonly string[]): string[] {
  const broken: string[] = [];
  const links = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const say = (what: string) => broken.push(`${path} ${what}`);
    const values: string[] = [];
    for (const { specifier, kind } of listImports(source)) {
      if (specifier === undefined) {
        if (path !== COMPUTED_IMPORTS) say("imports a computed specifier");
      } else if (specifier.startsWith(".")) {
        const target = join(dirname(path), specifier);
        const rule = brokenDirection(path, target);
        if (rule !== undefined) say(`imports ${target}: ${rule}`);
        if (kind === "value") values.push(target);
      } else if (!specifier.startsWith("node:")) {
        const rule = brokenPackage(path, specifier, packages);
        if (rule !== undefined) say(`imports ${specifier}: ${rule}`);
      }
    }
    links.set(path, values);
    const code = withoutComments(source);
    if (/^export default\b/m.test(code)) say("has a default export");
    if (/^export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/m.test(code)) {
      say("exports again what another has");
    }
    if (path !== ONE_PLACE) {
      for (const [name] of code.matchAll(IN_ONE_PLACE)) say(`uses ${name}: only ${ONE_PLACE} may`);
    }
  }
  for (const cycle of findCycles(links)) {
    broken.push(`${cycle[0]} imports itself: ${cycle.join(" -> ")}`);
  }
  return broken;
}

function brokenDirection(path: string, target: string): string | undefined {
  if (path === "main.ts") return undefined;
  const [area] = path.split("/");
  const allowed = area === "lib" ? ["lib/", "deno.json"] : ["lib/", `${area}/`];
  if (!begins(target, allowed)) return `${area} imports only ${allowed.join(", ")} and packages`;
  if (target === "deno.json") {
    return path === "lib/system/version.ts" ? undefined : "only lib/system/version.ts reads it";
  }
  if (area !== "lib") {
    return target.startsWith("lib/cli/") ? "only main.ts imports the command line" : undefined;
  }
  const from = levelOf(path);
  const to = levelOf(target);
  if (from === undefined || to === undefined) return "a file of lib is in a room of a floor";
  if (to < from || (to === from && roomOf(path) === roomOf(target))) return undefined;
  return `${roomOf(path)} stands ${to === from ? "beside" : "below"} ${roomOf(target)}`;
}

/** The room of a file of lib: a folder, or "contracts". */
function roomOf(path: string): string {
  return /^lib\/([^/]+)\//.exec(path)?.[1] ?? "contracts";
}

/** How high a file of lib stands; undefined for one that has no place. */
function levelOf(path: string): number | undefined {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
  return floor < 0 ? CONTRACTS[path] : floor;
}

function begins(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) =>
    prefix.endsWith("/") ? path.startsWith(prefix) : path === prefix
  );
}

function brokenPackage(
  path: string,
  specifier: string,
  packages: readonly string[],
): string | undefined {
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  if (!packages.includes(name)) return "no package of deno.json";
  const place = PACKAGE_PLACES[name];
  if (place === undefined || begins(path, [place])) return undefined;
  return `only ${place} may`;
}

/** Finds cycles of value imports; each file is reported in one cycle at most, its first file again last. */
function findCycles(links: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push([...trail.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of links.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of links.keys()) visit(path);
  return cycles;
}

/** Lists the rooms and contracts that a map of lib has a sentence for, in its order. */
export function listRooms(map: string): { rooms: string[]; contracts: string[] } {
  const lines = [...map.matchAll(/^- `([\w.]+)(\/?)`: \w[^`]*?(?:`[^`]*`[^`]*?)*\.$/gm)];
  const named = (isRoom: boolean) =>
    lines.filter(([, , slash]) => (slash === "/") === isRoom).map(([, name]) => name);
  return { rooms: named(true), contracts: named(false) };
}

/** What a text names that does not exist. */
export interface MissingNames {
  /** Paths in backticks or links that are neither a file nor a folder. */
  readonly paths: readonly string[];
  /** Names after `deno task` that are no task. */
  readonly tasks: readonly string[];
}

/** Finds paths of the tree and tasks that a Markdown text names and that do not exist. */
export function findMissingNames(
  text: string,
  { exists, tasks }: { exists: (path: string) => boolean; tasks: readonly string[] },
): MissingNames {
  const quoted = /[`(]((?:lib|envs|models|tests)\/[\w./-]*)[`)]/g;
  const named = /\bdeno(?:@[\d.]+)? task (?:-\S+ )*([a-z][\w-]*)/g;
  const paths = [...text.matchAll(quoted)].map(([, path]) => path);
  const names = [...text.matchAll(named)].map(([, name]) => name);
  return {
    paths: [...new Set(paths)].filter((path) => !exists(path)),
    tasks: [...new Set(names)].filter((name) => !tasks.includes(name)),
  };
}
