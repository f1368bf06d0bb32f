/**
 * What an executable holds: the program's sources and of its packages the files that it loads, for
 * one platform. `stageProgram` copies them into a folder that Deno runs without a network, with a
 * plain node_modules beside main.ts; both kinds of executable are made from such a folder.
 *
 * The sources stay as they are. Measured on Linux x64, `--version` from a staged folder takes 0.11 s
 * when Deno has its cache, so a bundle has little to win, and workers load modules by address, which
 * a bundle would break.
 *
 * WebAssembly modules lose what only debuggers read (lib/formats/strip_wasm.ts).
 *
 * When the program imports a new package: add a line to PACKAGES; a test compares it with deno.json.
 */

import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stripWasm } from "../../lib/formats/strip_wasm.ts";

/** The checkout's folder. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** A platform for which onnxruntime-node ships a binary. */
export interface Platform {
  /** The folder's name in onnxruntime-node: Node's `process.platform` and `process.arch`. */
  readonly folder: string;
  /** What the name of an executable file ends in. */
  readonly suffix: string;
}

/** The platforms by Deno's name of the target. */
export const PLATFORMS: Readonly<Record<string, Platform>> = {
  "x86_64-unknown-linux-gnu": { folder: "linux/x64", suffix: "" },
  "aarch64-unknown-linux-gnu": { folder: "linux/arm64", suffix: "" },
  "aarch64-apple-darwin": { folder: "darwin/arm64", suffix: "" },
  "x86_64-pc-windows-msvc": { folder: "win32/x64", suffix: ".exe" },
  "aarch64-pc-windows-msvc": { folder: "win32/arm64", suffix: ".exe" },
};

/** Where onnxruntime-node keeps its binaries, one folder per platform. */
export const BINARIES = "bin/napi-v6";

/** A package of the program: the files of it that the program loads. */
interface Package {
  /** The package beside which it is installed, for one that the program does not import itself. */
  readonly beside?: string;
  /** Files and folders; in a folder, its JavaScript. */
  readonly files: (platform: Platform) => readonly string[];
}

/** Every package that the program loads, package.json and licence files apart. */
export const PACKAGES: Readonly<Record<string, Package>> = {
  "@mujoco/mujoco": { files: () => ["mujoco.js", "mujoco.wasm"] },
  "@optique/core": { files: () => ["dist"] },
  "hershey": { files: () => ["lib/characterNumbers.js", "lib/index.js", "lib/rowmans.js"] },
  "omggif": { files: () => ["omggif.js"] },
  "onnxruntime-common": { beside: "onnxruntime-node", files: () => ["dist/cjs"] },
  "onnxruntime-node": { files: ({ folder }) => ["dist", `${BINARIES}/${folder}`] },
  "smol-toml": { files: () => ["dist"] },
  "uplot": { files: () => ["dist/uPlot.iife.min.js", "dist/uPlot.min.css"] },
};

const SOURCES = ["main.ts", "lib", "envs", "models"];
const LICENCE = /^(([a-z]+-)?licen[cs]e|notice|thirdpartynotices)/i;

/** The parts of deno.json that executables take over. */
export interface Project {
  readonly version: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, string>>;
  /** Unstable parts of Deno that the program uses. */
  readonly unstable?: readonly string[];
}

/** Reads deno.json. */
export function readProject(): Project {
  return JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));
}

/**
 * Gives the permissions of the program as Deno's options: those of the task `udrlpg`.
 * @throws {Error} when the task has none, or a permission to do everything.
 */
export function permissionFlags({ tasks }: Pick<Project, "tasks">): string[] {
  const words = (tasks.udrlpg ?? "").match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const flags = words.map((word) => word.replace(/["']/g, ""))
    .filter((word) => /^--(allow|deny|no-prompt)/.test(word));
  if (flags.length === 0 || flags.includes("--allow-all")) {
    throw new Error(
      `Cannot build executable: the task "udrlpg" must name its permissions, got "${tasks.udrlpg}"`,
    );
  }
  return flags;
}

/**
 * Gives the permissions of an executable: the task's, and to start programs, which the program gives
 * back at once unless an environment of the user's own or a sweep needs it.
 * @throws {Error} as `permissionFlags`.
 */
export function executableFlags(project: Pick<Project, "tasks">): string[] {
  return [...permissionFlags(project), "--allow-run"];
}

/** Lists the files below a folder in a fixed order, as paths from `base`. */
export function listFiles(folder: string, base: string = folder): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? listFiles(path, base) : [relative(base, path)];
  });
}

/** Sums the sizes of files in bytes. */
export function totalSize(folder: string, files: readonly string[]): number {
  return files.reduce((sum, file) => sum + Deno.statSync(join(folder, file)).size, 0);
}

/**
 * Copies the program for one platform into an empty folder; packages must be installed.
 * @param commit what `--version` tells as the build's commit
 * @returns the files, as paths from the folder.
 */
export function stageProgram(
  folder: string,
  { platform, commit }: { platform: Platform; commit: string },
): string[] {
  for (const source of SOURCES) {
    const path = join(ROOT, source);
    const files = Deno.statSync(path).isDirectory ? listFiles(path, ROOT) : [source];
    for (const file of files) if (isSource(file)) copy(join(ROOT, file), join(folder, file));
  }
  for (const [name, content] of Object.entries(PACKAGES)) {
    stagePackage(name, { content, platform, to: join(folder, "node_modules", name) });
  }
  for (const { name } of Deno.readDirSync(ROOT)) {
    if (LICENCE.test(name)) copy(join(ROOT, name), join(folder, name));
  }
  const { version, imports, unstable } = readProject();
  const used = Object.entries(imports).filter(([name]) => Object.hasOwn(PACKAGES, name));
  const config = {
    version,
    commit,
    nodeModulesDir: "manual",
    unstable,
    imports: Object.fromEntries(used),
  };
  Deno.writeTextFileSync(join(folder, "deno.json"), `${JSON.stringify(config, null, 2)}\n`);
  return listFiles(folder);
}

/**
 * Sources are TypeScript, and what pages are made of; those of the WebAssembly kernels are inputs of
 * another compiler.
 */
function isSource(file: string): boolean {
  return /\.(ts|js|css)$/.test(file) && !file.endsWith(".as.ts");
}

function stagePackage(
  name: string,
  { content, platform, to }: { content: Package; platform: Platform; to: string },
): void {
  const from = packageFolder(name, content.beside);
  const licences = [...Deno.readDirSync(from)].map((entry) => entry.name)
    .filter((entry) => LICENCE.test(entry));
  for (const file of ["package.json", ...licences, ...content.files(platform)]) {
    const path = join(from, file);
    if (!Deno.statSync(path).isDirectory) copy(path, join(to, file));
    else {
      for (const inner of listFiles(path, from)) {
        if (file.startsWith(BINARIES) || /\.js$|(^|\/)package\.json$/.test(inner)) {
          copy(join(from, inner), join(to, inner));
        }
      }
    }
  }
}

function packageFolder(name: string, beside: string | undefined): string {
  const modules = join(ROOT, "node_modules");
  if (beside === undefined) return Deno.realPathSync(join(modules, name));
  return Deno.realPathSync(join(Deno.realPathSync(join(modules, beside)), "..", name));
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(dirname(to), { recursive: true });
  if (from.endsWith(".wasm")) Deno.writeFileSync(to, stripWasm(Deno.readFileSync(from)));
  else Deno.copyFileSync(from, to);
}

/** Gives the commit of the checkout, with "-dirty" behind it when files of these paths differ from it. */
export function readCommit(paths: readonly string[] = ["."]): string {
  const git = (...args: string[]) => {
    try {
      const { success, stdout } = new Deno.Command("git", { args, cwd: ROOT }).outputSync();
      return success ? new TextDecoder().decode(stdout).trim() : undefined;
    } catch {
      return undefined; // There is no git.
    }
  };
  const commit = git("rev-parse", "HEAD");
  if (commit === undefined) return "unknown";
  return git("status", "--porcelain", "--", ...paths) === "" ? commit : `${commit}-dirty`;
}
