// deno-lint-ignore-file no-console
/** Job arrays: the script on its own, and in a real SLURM of one node where that can be started. */

import assert from "node:assert/strict";
import { renderSlurmScript } from "../../../lib/sweep/slurm.ts";
import { run } from "../../support/program.ts";
import { startSlurm } from "../../support/slurm_cluster.ts";
import { shell, type SweepFolder, tinySweep, withSweepFolder } from "../../support/sweep_folder.ts";

const JOB = {
  name: "rates",
  lines: ["udrlpg train --seed 1", "udrlpg train --seed 2 --out 'a b'"],
  workFolder: "/data/it's",
  logFolder: "/data/runs/rates",
  graceSeconds: 90,
};

Deno.test("renderSlurmScript() writes what was asked for", () => {
  const script = renderSlurmScript({
    ...JOB,
    logFolder: "/data/my runs",
    jobs: 4,
    time: "1:00:00",
    cpus: 2,
    options: ["--partition=gpu"],
  });
  assert.deepEqual(script.split("\n").filter((line) => line.startsWith("#")), [
    "#!/bin/sh",
    "#SBATCH --job-name=rates",
    "#SBATCH --array=1-2%4",
    '#SBATCH --output="/data/my runs/slurm-%A_%a.log"',
    "#SBATCH --open-mode=append",
    "#SBATCH --requeue",
    "#SBATCH --signal=B:TERM@90",
    "#SBATCH --time=1:00:00",
    "#SBATCH --cpus-per-task=2",
    "#SBATCH --partition=gpu",
    "# One task per run. A run that is finished says so and does nothing, one that was stopped goes on.",
    "# The signal may have come before the child had a name.",
    "# A signal ends the wait, not the run: it is saving.",
    "# 143: stopped by SIGTERM after saving. A cancelled task has another state by now.",
  ]);
  assert.match(script, /^cd '\/data\/it'\\''s' \|\| exit 3$/m);
  assert.match(script, /^ {4}2\) exec udrlpg train --seed 2 --out 'a b' ;;$/m);
  const bare = renderSlurmScript(JOB);
  assert.match(bare, /^#SBATCH --array=1-2$/m);
  assert.doesNotMatch(bare, /--time|--cpus/);
});

Deno.test("renderSlurmScript() refuses what would begin a line of its own, and keeps % as it is", () => {
  const hostile = "/data\n#SBATCH --mail-user=x\ntouch pwned #";
  for (
    const change of [
      { workFolder: hostile },
      { logFolder: hostile },
      { name: hostile },
      { time: hostile },
      { options: ["--partition=gpu", hostile] },
      { logFolder: "/data\r" },
    ]
  ) {
    assert.throws(() => renderSlurmScript({ ...JOB, ...change }), {
      name: "RangeError",
      message: /^Cannot write a job script: the .* must hold no line breaks or control characters/,
    });
  }
  const { logFolder } = { logFolder: "/data/100%j" };
  assert.match(
    renderSlurmScript({ ...JOB, logFolder }),
    /^#SBATCH --output=\/data\/100%%j\/slurm-%A_%a\.log$/m,
  );
});

Deno.test("sweep submit writes no script for a folder whose name breaks a line", async () => {
  const parent = await Deno.makeTempDir();
  const before = Deno.cwd();
  try {
    const folder = `${parent}/a\nb`;
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(`${folder}/sweep.toml`, tinySweep({ seeds: 1 }));
    Deno.chdir(folder);
    const { code, stderr } = await run(["sweep", "submit", "sweep.toml", "--engine", "slurm"]);
    assert.equal(code, 2);
    assert.match(stderr, /^Cannot write a job script: the working folder must hold no line breaks/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["sweep.toml"]);
    const plan = await run(["sweep", "plan", "sweep.toml", "--out", "c\nd"]);
    assert.equal(plan.code, 2);
    assert.match(plan.stderr, /^Cannot plan a sweep: --out must hold no line breaks/);
  } finally {
    Deno.chdir(before);
    await Deno.remove(parent, { recursive: true });
  }
});

/** A run that saves for a while when it is asked to stop, and stands for `udrlpg train`. */
const STUBBORN_RUN = `#!/bin/sh
trap 'sleep 0.3; echo saved; exit 143' TERM
[ "$1" = early ] && kill -TERM $PPID
echo "$@" started
[ "$1" = short ] && exit 4
while :; do sleep 0.05; done
`;

/** Stands for the cluster's programs where there is none: tells the state, notes the request. */
const FAKE_SLURM: Readonly<Record<string, string>> = {
  squeue: "#!/bin/sh\ncat state",
  scontrol: '#!/bin/sh\necho "$@" >> requests',
  task: STUBBORN_RUN,
};

Deno.test("the script of a job array passes SIGTERM on, waits, and asks to be queued again", () =>
  withSweepFolder("", async (folder) => {
    for (const [name, text] of Object.entries(FAKE_SLURM)) {
      await Deno.writeTextFile(`${folder.path}/${name}`, text, { mode: 0o755 });
    }
    const lines = ["task long", "task short", "task 'a  b'"];
    const script = renderSlurmScript({ ...JOB, lines, workFolder: folder.path });
    await Deno.writeTextFile(`${folder.path}/script`, script);
    const start = (task: number, state: string) =>
      shell(
        `rm -f log; echo ${state} > state; export SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=${task}
sh script > log & pid=$!; until grep -qs started log; do sleep 0.02; done
kill -TERM $pid 2>/dev/null; wait $pid; code=$?; cat log; exit $code`,
        folder,
      );
    const requests = () => Deno.readTextFile(`${folder.path}/requests`).catch(() => "");

    const cancelled = await start(1, "CANCELLED");
    assert.deepEqual([cancelled.code, cancelled.stdout], [143, "long started\nsaved\n"]);
    assert.equal(await requests(), "");
    const stopped = await start(3, "RUNNING");
    assert.deepEqual([stopped.code, stopped.stdout], [143, "a  b started\nsaved\n"]);
    assert.equal(await requests(), "requeue 7_3\n");
    // What a real SLURM says for a second or two after it has sent a signal.
    assert.equal((await start(1, "SIGNALING")).code, 143);
    assert.equal(await requests(), "requeue 7_3\nrequeue 7_1\n");
    const failed = await start(2, "RUNNING");
    assert.deepEqual([failed.code, failed.stdout], [4, "short started\n"]);
    assert.equal(await requests(), "requeue 7_3\nrequeue 7_1\n");
  }));

Deno.test("the script of a job array loses no signal that comes while it starts its run", () =>
  withSweepFolder("", async (folder) => {
    for (const [name, text] of Object.entries(FAKE_SLURM)) {
      await Deno.writeTextFile(`${folder.path}/${name}`, text, { mode: 0o755 });
    }
    const script = renderSlurmScript({ ...JOB, lines: ["task early"], workFolder: folder.path });
    // Whatever the shell is slow at, the run's signal is there before the shell knows the run.
    const slow = script.replace("\nchild=$!\n", "\nsleep 0.5\nchild=$!\n");
    assert.notEqual(slow, script);
    await Deno.writeTextFile(`${folder.path}/script`, slow);
    const { stdout } = await shell(
      "echo CANCELLED > state; SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1 timeout 20 sh script; echo $?",
      folder,
    );
    assert.equal(stdout, "early started\nsaved\n143\n");
  }));

Deno.test("sweep submit refuses what is no job array, and names sbatch where it is not", () =>
  withSweepFolder(tinySweep({ seeds: 2 }), async (folder) => {
    const none = await shell("udrlpg sweep submit sweep.toml", folder);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /an engine must be given, got none: --engine slurm$/m);
    const other = await shell("udrlpg sweep plan sweep.toml --go", folder);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /--go is an option of sweep submit alone$/m);
    const written = await shell("udrlpg sweep submit sweep.toml --engine slurm --json", folder);
    assert.equal(written.code, 0, written.stderr);
    const { script, tasks, job } = JSON.parse(written.stdout);
    assert.deepEqual([script, tasks, job], ["runs/sweep/submit.sbatch", 2, null]);
    assert.match(await Deno.readTextFile(`${folder.path}/${script}`), /^#SBATCH --array=1-2$/m);
  }));

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!await condition()) {
    assert.ok(performance.now() < end, `${what} took too long`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function checkCluster(folder: SweepFolder): Promise<void> {
  const submitted = await shell(
    "udrlpg sweep submit sweep.toml --engine slurm --go --time 10 --cpus 1 --json",
    folder,
  );
  assert.equal(submitted.code, 0, submitted.stderr);
  const { job } = JSON.parse(submitted.stdout);
  assert.match(job, /^[0-9]+$/);
  const runs = () => {
    try {
      return [...Deno.readDirSync(`${folder.path}/runs/sweep`)].filter(({ isDirectory }) =>
        isDirectory
      ).map(({ name }) => `${folder.path}/runs/sweep/${name}`);
    } catch {
      return [];
    }
  };
  const size = (path: string) => {
    try {
      return Deno.statSync(path).size;
    } catch {
      return 0;
    }
  };
  await until(
    () => Promise.resolve(runs().some((run) => size(`${run}/metrics.jsonl`) > 2000)),
    "the first start",
  );
  // What the time limit does to the batch script, without the wait for it.
  const stop = await shell(`scancel --signal=TERM --batch ${job}`, folder);
  assert.equal(stop.code, 0, stop.stderr);
  let restarts = "";
  await until(async () => {
    const { stdout } = await shell(`scontrol show job ${job}`, folder);
    restarts += [...stdout.matchAll(/Restarts=([1-9])/g)].join(" ");
    const states = await shell(`squeue --noheader --job=${job} --format=%T`, folder);
    return !/PENDING|RUNNING|COMPLETING/.test(states.stdout);
  }, "the job array");
  assert.notEqual(restarts, "", "no task was queued again");
  assert.equal(runs().length, 2);
  for (const run of runs()) assert.ok(size(`${run}/generator.safetensors`) > 0, run);
  const logs = [...Deno.readDirSync(`${folder.path}/runs/sweep`)].filter(({ name }) =>
    name.endsWith(".log")
  ).map(({ name }) => Deno.readTextFileSync(`${folder.path}/runs/sweep/${name}`)).join("");
  assert.match(logs, /Interrupted by SIGTERM after \d+ steps, which are saved/);
  assert.match(logs, /^Trained +\d+ steps/m);
}

Deno.test("a job array in a real SLURM is stopped, queued again and finished", () =>
  withSweepFolder(tinySweep({ seeds: 2, steps: 60_000 }), async (folder) => {
    const place = await Deno.makeTempDir();
    try {
      const cluster = await startSlurm(place);
      if (typeof cluster === "string") {
        return console.info(`The job array was not tried in SLURM: ${cluster}`);
      }
      try {
        await checkCluster({ ...folder, env: { ...folder.env, ...cluster.env } });
      } finally {
        await shell("scancel --user=root; sleep 0.5", {
          ...folder,
          env: { ...folder.env, ...cluster.env },
        });
        await cluster.stop();
      }
    } finally {
      await Deno.remove(place, { recursive: true });
    }
  }));
