/**
 * `deno task compile [--target T] [--out FILE]`: makes the program as one executable with
 * `deno compile`, for this platform or another. It is compiled from a staged folder (payload.ts), so
 * that it can hold nothing but what was copied there.
 *
 * Deno puts the program behind its runtime without tools, denort, which it looks for at DENORT_BIN,
 * then in its cache, then at its download site. Where none of them has it, exit code 3 says where it
 * could be put.
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  executableFlags,
  type Platform,
  PLATFORMS,
  readCommit,
  readProject,
  ROOT,
  stageProgram,
  totalSize,
} from "./payload.ts";

/** Tells that no denort can be had; exit code 3. */
export class MissingRuntimeError extends Error {
  override readonly name = "MissingRuntimeError";
}

/** Sizes in bytes of what was compiled. */
export interface Compiled {
  readonly out: string;
  readonly executable: number;
  /** Parts of the executable; the rest is Deno's runtime. */
  readonly parts: Readonly<Record<"ONNX Runtime" | "MuJoCo" | "program and packages", number>>;
  /** The embedded files, as paths in the executable. */
  readonly files: readonly string[];
}

/** How to compile. */
export interface CompileOptions {
  /** Deno's name of the target, a key of PLATFORMS. */
  readonly target: string;
  readonly out: string;
  /** Variables for `deno compile`, such as DENORT_BIN and DENO_DIR. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Compiles the program; packages must be installed.
 * @throws {RangeError} when the target is unknown.
 * @throws {MissingRuntimeError} when there is no denort.
 * @throws {Error} when compiling fails otherwise.
 */
export async function compile({ target, out, env }: CompileOptions): Promise<Compiled> {
  if (!Object.hasOwn(PLATFORMS, target)) {
    throw new RangeError(
      `Cannot compile: target must be one of ${Object.keys(PLATFORMS).join(", ")}, got "${target}"`,
    );
  }
  const platform: Platform = PLATFORMS[target];
  const folder = await Deno.makeTempDir({ prefix: "udrlpg-compile-" });
  try {
    const files = stageProgram(folder, { platform, commit: readCommit() });
    const file = out.endsWith(platform.suffix) ? out : out + platform.suffix;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["compile", "--self-extracting", "--no-check", "--no-lock", "--cached-only"],
        ...["--target", target, "--app-name", "udrlpg", "--output", file],
        ...topLevel(folder).flatMap((source) => ["--include", source]),
        ...executableFlags(readProject()),
        "main.ts",
      ],
      cwd: folder,
      env: { NO_COLOR: "1", ...env },
      stdout: "null",
      stderr: "piped",
    }).output();
    const problem = new TextDecoder().decode(stderr);
    if (!success && /denort/.test(problem)) await failWithoutRuntime(target, { env, problem });
    if (!success) throw new Error(`Cannot compile: deno compile must succeed, got ${problem}`);
    const sizeOf = (test: (path: string) => boolean) => totalSize(folder, files.filter(test));
    const runtime = sizeOf((path) => path.includes("onnxruntime-node"));
    const physics = sizeOf((path) => path.includes("@mujoco"));
    return {
      out: file,
      executable: Deno.statSync(file).size,
      parts: {
        "ONNX Runtime": runtime,
        "MuJoCo": physics,
        "program and packages": totalSize(folder, files) - runtime - physics,
      },
      files: files.map((path) => path.replaceAll("\\", "/")),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is staged beside the packages: modules that are loaded by address, and licences. */
function topLevel(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !["node_modules", "deno.json", "main.ts"].includes(name));
}

async function failWithoutRuntime(
  target: string,
  { env, problem }: { env: CompileOptions["env"]; problem: string },
): Promise<never> {
  const given = env?.DENORT_BIN ?? Deno.env.get("DENORT_BIN");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    env: { ...env },
  })
    .output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  const name = `denort-${target}.zip`;
  const folder = join(denoDir, "dl", "release", `v${Deno.version.deno}`);
  const why = /Caused by:[^]*?(?=\n\n|\n*$)/.exec(problem)?.[0].trim().split("\n").at(-1)?.trim() ??
    problem.trim();
  const states = [
    given === undefined ? "DENORT_BIN is not set" : `DENORT_BIN is "${given}"`,
    `"${join(folder, name)}" is not there`,
    `Deno's download site could not be used (${why.replace(/^\d+: /, "")})`,
  ];
  throw new MissingRuntimeError(
    `Cannot compile: Deno's runtime ${name} of version ${Deno.version.deno} is needed, got none: ` +
      `${states.join(", ")}: put ${name} into "${folder}" or set DENORT_BIN to an unpacked denort`,
  );
}

/** Writes sizes as lines, largest last. */
export function describeSizes({ out, executable, parts }: Compiled): string {
  const rest = executable - Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const rows = Object.entries({ ...parts, "Deno, compiled code": rest, [out]: executable });
  return rows.map(([name, bytes]) => `${(bytes / 1e6).toFixed(1).padStart(7)} MB  ${name}\n`)
    .join("");
}

/** Runs the task; gives its exit code. */
async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: { target: { type: "string", default: Deno.build.target }, out: { type: "string" } },
  });
  const { target } = values;
  const check = new Deno.Command(Deno.execPath(), { args: ["check", "main.ts"], cwd: ROOT });
  if (!(await check.spawn().status).success) return 1;
  const out = resolve(values.out ?? join(ROOT, "dist", `udrlpg-${target}`));
  try {
    await Deno.mkdir(join(out, ".."), { recursive: true });
    const compiled = await compile({ target, out });
    await Deno.stdout.write(new TextEncoder().encode(describeSizes(compiled)));
    return 0;
  } catch (error) {
    if (!(error instanceof MissingRuntimeError || error instanceof RangeError)) throw error;
    await Deno.stderr.write(new TextEncoder().encode(`${error.message}\n`));
    return error instanceof RangeError ? 2 : 3;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
