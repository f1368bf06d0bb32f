/**
 * `deno task main-job FILE`: lets an executable do the main job, train, generate and evaluate, as on a
 * machine that has nothing else: an empty environment, a folder of its own as the home folder, a
 * read-only working folder, and no network where the machine lets one be taken away. Exit code 1 when a
 * command fails, or a start takes longer than it should once everything is unpacked.
 */

import { join, resolve } from "node:path";

/** One command that was run. */
export interface Step {
  readonly words: readonly string[];
  readonly seconds: number;
  readonly stdout: string;
}

/** What was found. */
export interface MainJob {
  /** The first start, which may unpack; then train, generate, evaluate. */
  readonly steps: readonly Step[];
  /** The fastest of several further starts; no more are made once one is fast enough. */
  readonly startSeconds: number;
  /** Whether the network was taken away. */
  readonly isolated: boolean;
}

/** Settings of a run of seconds that still uses every part of a real one. */
const SETTINGS = [
  "policy.hiddenSizes=32",
  "generator.hiddenSizes=16",
  "update.perCycle=2",
  "consolidation.updates=2",
  "reports.evaluations=1",
  "calibration.budgetShare=0.25",
];

/** How long a start may take. */
const MAX_START_SECONDS = 0.3;
/** Starts that are tried before one counts as too slow: the machine may be busy. */
const MAX_STARTS = 20;

/** How to run the job. */
export interface MainJobOptions {
  /** The executable and, if need be, the words before the command. */
  readonly program: readonly string[];
  /** An empty folder for everything that the job writes. */
  readonly folder: string;
  /** Variables besides HOME and PATH. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the job.
 * @throws {Error} when a command fails or answers with something else than it should.
 */
export async function runMainJob({ program, folder, env }: MainJobOptions): Promise<MainJob> {
  const isolated = await canIsolate();
  const tools = await linkTools(join(folder, "tools"));
  const steps: Step[] = [];
  const cwd = join(folder, "read only");
  const home = join(folder, "home");
  await Deno.mkdir(cwd);
  await Deno.mkdir(home);
  await Deno.chmod(cwd, 0o555);
  const step = async (...words: string[]): Promise<Record<string, unknown>> => {
    const started = performance.now();
    const command = [...isolated ? ["/usr/bin/unshare", "-r", "-n"] : [], ...program, ...words];
    const { code, stdout, stderr } = await new Deno.Command(command[0], {
      args: command.slice(1),
      cwd,
      clearEnv: true,
      env: { HOME: home, ...systemVariables(tools), ...env },
    }).output();
    const [out, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    steps.push({ words, seconds: (performance.now() - started) / 1000, stdout: out });
    if (code === 0) return words.includes("--json") ? JSON.parse(out) : {};
    throw new Error(`Cannot do "${words.join(" ")}": must exit with 0, got ${code}: ${problems}`);
  };
  const run = join(folder, "run");
  const policy = join(folder, "policy.onnx");
  const env_ = "InvertedPendulum-v5";
  await step("--version");
  const settings = SETTINGS.flatMap((setting) => ["--set", setting]);
  const options = ["--env", env_, "--steps", "6000", "--workers", "2", ...settings];
  const trained = await step("train", ...options, "--out", run, "--json");
  const wanted = String((trained.finalReturn as { mean: number }).mean);
  await step(
    "generate",
    ...["--run", run, "--return", wanted, "--tolerance", "1000", "--verify", "2"],
    ...["--out", policy, "--json"],
  );
  const evaluated = await step("evaluate", policy, "--episodes", "2", "--json");
  const { mean } = evaluated.return as { mean: number };
  if (!(mean > 0)) {
    throw new Error(`Cannot trust evaluation: the return must be positive, got ${mean}`);
  }
  let startSeconds = Infinity;
  for (let i = 0; i < MAX_STARTS && startSeconds > MAX_START_SECONDS; i++) {
    await step("--version");
    startSeconds = Math.min(startSeconds, steps.pop()!.seconds);
  }
  return { steps, startSeconds, isolated };
}

/** Tells whether this user may run a command without a network. */
async function canIsolate(): Promise<boolean> {
  try {
    return (await new Deno.Command("unshare", { args: ["-r", "-n", "true"] }).output()).success;
  } catch {
    return false; // There is no such program.
  }
}

/** What a packed executable asks of a Linux system, besides the shell. */
export const TOOLS: readonly string[] =
  "cat cut find gzip id ls mkdir mktemp mv rm sha256sum stat tail tar uname xargs xz".split(" ");

/** Makes a folder that holds the tools and nothing else: neither Deno nor Node can be found by it. */
export async function linkTools(folder: string): Promise<string> {
  await Deno.mkdir(folder);
  if (Deno.build.os !== "linux") return folder;
  for (const tool of TOOLS) {
    const at = ["/usr/bin", "/bin"].map((place) => join(place, tool)).find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
    if (at === undefined) throw new Error(`Cannot prepare tools: "${tool}" must be installed`);
    await Deno.symlink(at, join(folder, tool));
  }
  return folder;
}

/** The variables that a program needs to start at all. */
function systemVariables(tools: string): Record<string, string> {
  if (Deno.build.os !== "windows") return { PATH: tools };
  const names = ["SystemRoot", "TEMP", "TMP", "USERPROFILE", "LOCALAPPDATA"];
  return Object.fromEntries(
    names.flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)!]] : []),
  );
}

if (import.meta.main) {
  const write = (text: string) => Deno.stdout.write(new TextEncoder().encode(text));
  const line = (seconds: number, text: string) =>
    write(`${seconds.toFixed(2).padStart(7)} s  ${text}\n`);
  const folder = await Deno.makeTempDir({ prefix: "udrlpg-main-job-" });
  try {
    const job = await runMainJob({ program: [resolve(Deno.args[0])], folder });
    for (const { words, seconds } of job.steps) await line(seconds, `udrlpg ${words[0]}`);
    await line(job.startSeconds, "udrlpg --version again");
    await write(job.isolated ? "without a network\n" : "the network could not be taken away\n");
    if (job.startSeconds > MAX_START_SECONDS) Deno.exitCode = 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
