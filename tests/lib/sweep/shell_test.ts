// deno-lint-ignore-file no-console
/** Sweeps in the shell: lines that xargs and GNU parallel run, kill half-way and finish. */

import assert from "node:assert/strict";
import {
  isInstalled,
  shell,
  type SweepFolder,
  tinySweep,
  withSweepFolder,
} from "../../support/sweep_folder.ts";

/** Times of the runs' results, by folder; folders without one are left out. */
function finishedRuns({ path }: SweepFolder): Map<string, number> {
  const found = new Map<string, number>();
  let folders: Deno.DirEntry[] = [];
  try {
    folders = [...Deno.readDirSync(`${path}/runs/sweep`)];
  } catch {
    return found; // nothing has started yet
  }
  for (const { name } of folders) {
    try {
      const { mtime } = Deno.statSync(`${path}/runs/sweep/${name}/generator.safetensors`);
      found.set(name, mtime!.getTime());
    } catch {
      // not finished
    }
  }
  return found;
}

async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    assert.ok(performance.now() < end, "waited for too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("12 runs under xargs are killed half-way and finished by the same line", () =>
  withSweepFolder(
    tinySweep({ seeds: 6, more: "[grid]\nupdate.learningRate = [1e-3, 1e-4]" }),
    async (folder) => {
      const line = "udrlpg sweep plan sweep.toml --quiet | xargs -r -P 2 -L 1 env";
      const controller = new AbortController();
      const first = shell(line, folder, controller.signal);
      await until(() => finishedRuns(folder).size >= 4, 180_000);
      controller.abort();
      await first;
      const before = finishedRuns(folder);
      assert.ok(before.size >= 4 && before.size < 12, `${before.size} were finished`);

      const planned = await shell("udrlpg sweep plan sweep.toml > plan", folder);
      assert.match(planned.stderr, new RegExp(`^12 runs: ${before.size} finished, `));
      // The plan is always the same, whatever is done.
      const second = await shell("xargs -r -P 2 -L 1 env < plan", folder);
      assert.equal(second.code, 0, second.stderr);
      const after = finishedRuns(folder);
      assert.equal(after.size, 12);
      for (const [name, time] of before) assert.equal(after.get(name), time, `${name} was redone`);
      assert.match(
        second.stderr,
        /Warning: Run "runs\/sweep\/.*" is finished: there is nothing to do/,
      );
    },
  ));

Deno.test("the line for xargs prints no variable when the plan fails or is empty", () =>
  withSweepFolder("seeds = 0", async (folder) => {
    const around = { ...folder, env: { ...folder.env, MY_SECRET: "hunter2" } };
    const { stdout: help } = await shell("udrlpg help sweeps; udrlpg sweep --help", around);
    const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
    const lines = [
      ...`${help}${readme}`.matchAll(/^\s*(udrlpg sweep plan \S+ \| xargs .*?)(?: +#.*)?$/gm),
    ]
      .map(([, line]) => line);
    assert.ok(lines.length >= 2, `${lines}`);
    for (const line of [...lines, lines[0].replace(/^.*?\|/, "true |")]) {
      const { stdout, stderr } = await shell(line, around);
      assert.equal(stdout, "", line);
      assert.doesNotMatch(stderr, /hunter2/);
    }
  }));

Deno.test("GNU parallel takes the lines of a plan, where it is installed", () =>
  withSweepFolder(tinySweep({ seeds: 2 }), async (folder) => {
    if (!await isInstalled("parallel")) {
      return console.info("GNU parallel is not installed: it was not tried");
    }
    const { code, stderr } = await shell(
      "udrlpg sweep plan sweep.toml --quiet | parallel --will-cite -j 2",
      folder,
    );
    assert.equal(code, 0, stderr);
    assert.equal(finishedRuns(folder).size, 2);
  }));

Deno.test("sweep run finishes a sweep, reports a run that fails, and needs a permission", () =>
  withSweepFolder(tinySweep({ seeds: 2 }), async (folder) => {
    const { code, stdout, stderr } = await shell(
      "udrlpg sweep run sweep.toml --jobs 2 --json",
      folder,
    );
    // On a busy machine it tells how far it is.
    assert.deepEqual([code, stderr.replace(/^\d+%, ended .*\n/gm, "")], [0, ""]);
    const result = JSON.parse(stdout);
    assert.deepEqual([result.finished, result.failed, result.runs.length], [2, 0, 2]);
    assert.equal(finishedRuns(folder).size, 2);

    // A file that is no run's stands in the way of one run.
    const [{ run }] = result.runs;
    await Deno.remove(`${folder.path}/${run}`, { recursive: true });
    await Deno.mkdir(`${folder.path}/${run}`);
    await Deno.writeTextFile(`${folder.path}/${run}/mine.txt`, "");
    const failed = await shell("udrlpg sweep run sweep.toml", folder);
    assert.equal(failed.code, 3);
    assert.match(failed.stderr, /^Warning: .* ended with the exit code 3: Cannot resume run /);
    assert.match(failed.stderr, /Cannot finish the sweep: .* got 1 that did not, first "runs/);
    assert.match(failed.stdout, /^1 of 2 runs are finished/);

    const main = new URL("../../../main.ts", import.meta.url).pathname;
    const bare = `'${Deno.execPath()}' run --no-prompt --allow-read --allow-write --allow-ffi ` +
      `--allow-sys --allow-env '${main}' sweep run sweep.toml --jobs 3`;
    const denied = await shell(bare, folder);
    assert.equal(denied.code, 2, denied.stderr);
    assert.match(
      denied.stderr,
      /^Cannot start "udrlpg": .* run it with --allow-run=udrlpg, or use udrlpg sweep plan sweep\.toml \| xargs -r -P 3 -L 1 env$/m,
    );
    const missing = await shell(
      "udrlpg sweep run sweep.toml --program nowhere-to-be-found",
      folder,
    );
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /^Cannot start "nowhere-to-be-found": there is no such program/m);
  }));

Deno.test("sweep run passes a signal on and says how to go on", () =>
  withSweepFolder(tinySweep({ seeds: 2, steps: 300_000 }), async (folder) => {
    const controller = new AbortController();
    const running = shell("exec udrlpg sweep run sweep.toml --jobs 2", folder, controller.signal);
    const started = () => {
      try {
        return [...Deno.readDirSync(`${folder.path}/runs/sweep`)].every(({ name }) =>
          Deno.statSync(`${folder.path}/runs/sweep/${name}/metrics.jsonl`).size > 2000
        );
      } catch {
        return false;
      }
    };
    await until(started, 30_000);
    controller.abort();
    const { code, stdout, stderr } = await running;
    assert.deepEqual([code, stdout], [143, ""], stderr);
    assert.match(
      stderr,
      /Interrupted by SIGTERM with 2 of 2 runs to finish: give the same command/,
    );
    for (const { name } of Deno.readDirSync(`${folder.path}/runs/sweep`)) {
      const saved = [...Deno.readDirSync(`${folder.path}/runs/sweep/${name}/checkpoint`)];
      assert.ok(saved.length > 0, `${name} has no checkpoint`);
    }
  }));

Deno.test({
  name: "sweep run that is killed leaves no run behind: each saves and stops",
  ignore: Deno.build.os !== "linux", // where /proc says what runs
  fn: () =>
    withSweepFolder(tinySweep({ seeds: 2, steps: 3_000_000 }), async ({ path, program, env }) => {
      const sweep = new Deno.Command(program, {
        args: ["sweep", "run", "sweep.toml", "--jobs", "2"],
        cwd: path,
        env,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const running = () => processesIn(path, "--continue").length;
      await until(() => savedRuns(`${path}/runs/sweep`) === 0 && running() === 2, 180_000);
      await until(() => startedRuns(`${path}/runs/sweep`) === 2, 180_000);
      sweep.kill("SIGKILL");
      await sweep.status;
      await until(() => running() === 0, 180_000);
      assert.equal(savedRuns(`${path}/runs/sweep`), 2);
    }),
});

/** Ids of the processes that work in a folder and whose command line holds a text. */
function processesIn(folder: string, text: string): number[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const isThere = Deno.readLinkSync(`/proc/${name}/cwd`) === folder;
      const isIt = isThere && Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(text);
      return isIt ? [Number(name)] : [];
    } catch {
      return []; // no process, or one that has just ended
    }
  });
}

function countRuns(folder: string, file: string, isCounted: (path: string) => boolean): number {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => {
      try {
        return isCounted(`${folder}/${name}/${file}`);
      } catch {
        return false; // not there yet
      }
    }).length;
  } catch {
    return 0;
  }
}

const startedRuns = (folder: string) =>
  countRuns(folder, "metrics.jsonl", (path) => Deno.statSync(path).size > 2000);

const savedRuns = (folder: string) =>
  countRuns(folder, "checkpoint", (path) => [...Deno.readDirSync(path)].length > 0);
