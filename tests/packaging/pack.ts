/**
 * `deno task pack [--out FILE] [--level N]`: makes the program as one executable file that holds the
 * Deno binary running this, for machines with neither Deno nor a network. It needs GNU tar and gzip
 * to be made, and only downloads packages that are not installed yet.
 */

import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  executableFlags,
  listFiles,
  PLATFORMS,
  readCommit,
  readProject,
  ROOT,
  stageProgram,
  totalSize,
} from "./payload.ts";
import { hashHex as hashOf } from "../../lib/system/files.ts";
import { DENO, FILE_LIST, PROGRAM, renderStub } from "./stub.ts";

/** What was packed. */
export interface Packed {
  readonly out: string;
  /** Size of the executable in bytes. */
  readonly bytes: number;
  /** Size of the unpacked files in bytes. */
  readonly unpackedBytes: number;
  readonly hash: string;
}

/** How to pack. */
export interface PackOptions {
  readonly out: string;
  /** Compression of gzip, 1 to 9; 9 takes twice as long as 6 and saves 0.4 %. */
  readonly level: number;
}

/**
 * Packs the program for the platform that this runs on.
 * @throws {Error} when the platform has no packed form or a tool is missing.
 */
export async function pack(options: PackOptions): Promise<Packed> {
  const platform = PLATFORMS[Deno.build.target];
  if (platform === undefined || Deno.build.os !== "linux") {
    throw new Error(`Cannot pack: the platform must be a Linux one, got "${Deno.build.target}"`);
  }
  await run([Deno.execPath(), "check", "main.ts"]);
  const stage = await Deno.makeTempDir({ prefix: "udrlpg-pack-" });
  try {
    const commit = readCommit();
    await Deno.mkdir(join(stage, PROGRAM));
    stageProgram(join(stage, PROGRAM), { platform, commit });
    await Deno.copyFile(Deno.execPath(), join(stage, DENO));
    await Deno.chmod(join(stage, DENO), 0o755);
    const project = readProject();
    const title = `udrlpg ${project.version} (${commit}) for ${platform.folder}`;
    return await packFolder(stage, { ...options, title, permissions: executableFlags(project) });
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

/**
 * Packs a folder that holds what stub.ts starts: an executable `deno` and the folder `program`.
 * The list of files is added to it. Equal folders give equal executables.
 * @throws {Error} when a tool is missing.
 */
export async function packFolder(
  stage: string,
  { out, level, title, permissions }: PackOptions & {
    readonly title: string;
    readonly permissions: readonly string[];
  },
): Promise<Packed> {
  const files = listFiles(stage);
  const unpackedBytes = totalSize(stage, files);
  const sums = files.map((file) => `${hashOf(Deno.readFileSync(join(stage, file)))}  ${file}\n`);
  await Deno.writeTextFile(join(stage, FILE_LIST), sums.join(""));
  await Deno.mkdir(dirname(out), { recursive: true });
  const temporary = await Deno.makeTempFile({ dir: dirname(out), prefix: ".udrlpg-pack-" });
  try {
    await compress(stage, { archive: temporary, level });
    const archive = await Deno.readFile(temporary);
    const hash = hashOf(archive);
    const sumsHash = hashOf(new TextEncoder().encode(sums.join("")));
    const stub = renderStub({ title, hash, sumsHash, unpackedBytes, permissions });
    await Deno.writeTextFile(temporary, stub);
    await Deno.writeFile(temporary, archive, { append: true });
    await Deno.chmod(temporary, 0o755);
    await Deno.rename(temporary, out);
    return { out, bytes: Deno.statSync(out).size, unpackedBytes, hash };
  } catch (error) {
    await Deno.remove(temporary);
    throw error;
  }
}

const TAR_OPTIONS =
  "--format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go-w";

async function compress(
  folder: string,
  { archive, level }: { archive: string; level: number },
): Promise<void> {
  const script = `tar ${TAR_OPTIONS} -cf - -C "$1" . | gzip -${level} -n >"$2"`;
  await run(["sh", "-c", script, "sh", folder, archive]);
}

async function run([command, ...args]: string[]): Promise<void> {
  const { success, code } = await new Deno.Command(command, { args, cwd: ROOT, stdout: "inherit" })
    .output();
  if (!success) throw new Error(`Cannot pack: "${command}" must succeed, got exit code ${code}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      out: { type: "string", default: join(ROOT, "dist", "udrlpg") },
      level: { type: "string", default: "6" },
    },
  });
  const packed = await pack({ out: resolve(values.out), level: Number(values.level) });
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const line = `${packed.out}: ${megabytes(packed.bytes)}, unpacked ${
    megabytes(packed.unpackedBytes)
  }\n`;
  await Deno.stdout.write(new TextEncoder().encode(line));
}
