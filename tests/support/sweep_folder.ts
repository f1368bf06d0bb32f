/** A folder with a sweep of tiny runs and a program `udrlpg` on the PATH that is this checkout's. */

/** A sweep whose runs take well under a second each; `more` is TOML to put below. */
export function tinySweep({ seeds, steps = 3000, more = "" }: {
  readonly seeds: number;
  readonly steps?: number;
  readonly more?: string;
}): string {
  return `env = "CartPole-v1"
steps = ${steps}
threads = 1
seeds = ${seeds}
policy.hiddenSizes = [32]
generator.hiddenSizes = [8]
update.perCycle = 1
consolidation.updates = 2
reports = { evaluations = 0, sweeps = 0 }
calibration.budgetShare = 0.1
${more}`;
}

/** A folder in which a shell finds the program. */
export interface SweepFolder {
  readonly path: string;
  /** The program's file. */
  readonly program: string;
  /** Variables for programs started here. */
  readonly env: Record<string, string>;
}

/** Uses a temporary folder with the program and `sweep.toml`. */
export async function withSweepFolder(
  sweep: string,
  use: (folder: SweepFolder) => Promise<void>,
): Promise<void> {
  // Not in /dev/shm, where Deno lets no program with limited permissions go.
  const path = await Deno.makeTempDir();
  try {
    const main = new URL("../../main.ts", import.meta.url).pathname;
    const program = `${path}/udrlpg`;
    const text = `#!/bin/sh\nexec "${Deno.execPath()}" run --quiet -A "${main}" "$@"\n`;
    await Deno.writeTextFile(program, text, { mode: 0o755 });
    await Deno.writeTextFile(`${path}/sweep.toml`, sweep);
    const env = { PATH: `${path}:${Deno.env.get("PATH")}`, NO_COLOR: "1" };
    await use({ path, program, env });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** What a shell line gave. */
export interface ShellRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line of a POSIX shell in the folder; `signal` ends the shell and everything it started. */
export async function shell(
  line: string,
  { path, env }: SweepFolder,
  signal?: AbortSignal,
): Promise<ShellRun> {
  const child = new Deno.Command("sh", {
    args: ["-c", line],
    cwd: path,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  // The shell leads a process group of its own; a negative number means the group.
  const stop = () =>
    void new Deno.Command("kill", { args: ["-TERM", "--", `-${child.pid}`] }).outputSync();
  signal?.addEventListener("abort", stop);
  try {
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Tells whether a shell finds a program. */
export async function isInstalled(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] })
    .output();
  return success;
}
