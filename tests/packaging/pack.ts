/**
 * `deno task pack [--out FILE] [--compression gzip]`: makes the program as one executable file that holds the
 * Deno binary running this, for machines with neither Deno nor a network. It needs GNU tar and xz (or gzip)
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
import { type Compression, COMPRESSIONS, DENO, FILE_LIST, PROGRAM, renderStub } from "./stub.ts";

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
  readonly compression: Compression;
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
  { out, compression, title, permissions }: PackOptions & {
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
    await compress(stage, { archive: temporary, compression });
    const archive = await Deno.readFile(temporary);
    const hash = hashOf(archive);
    const sumsHash = hashOf(new TextEncoder().encode(sums.join("")));
    const stub = renderStub({ title, hash, sumsHash, unpackedBytes, permissions, compression });
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

/**
 * The commands that compress. Of xz: blocks that several cores unpack at once, as many threads on every machine,
 * so that equal folders give equal files; jumps in machine code as their targets, which repeat.
 */
const COMPRESSORS: Readonly<Record<Compression, string>> = {
  xz: `xz -T2 --block-size=40MiB${
    Deno.build.arch === "x86_64" ? " --x86" : ""
  } --lzma2=preset=6,dict=32MiB`,
  gzip: "gzip -6 -n",
};

async function compress(
  folder: string,
  { archive, compression }: { archive: string; compression: Compression },
): Promise<void> {
  const script = `tar ${TAR_OPTIONS} -cf - -C "$1" . | ${COMPRESSORS[compression]} >"$2"`;
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
      compression: { type: "string", default: "xz" },
    },
  });
  const compression = COMPRESSIONS.find((name) => name === values.compression);
  if (compression === undefined) {
    throw new RangeError(
      `Cannot pack: the compression must be ${
        COMPRESSIONS.join(" or ")
      }, got "${values.compression}"`,
    );
  }
  const packed = await pack({ out: resolve(values.out), compression });
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const line = `${packed.out}: ${megabytes(packed.bytes)}, unpacked ${
    megabytes(packed.unpackedBytes)
  }\n`;
  await Deno.stdout.write(new TextEncoder().encode(line));
}
