import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../../lib/system/errors.ts";
import { LOCK_FILE_NAME } from "../../../lib/run/layout.ts";
import { lockRun } from "../../../lib/run/lock.ts";
import { withFolder } from "../../support/run_folder.ts";

const MODULE = new URL("../../../lib/run/lock.ts", import.meta.url).href;

/** Starts a process that locks the folder, says so, and keeps the lock until it is killed. */
async function startHolder(folder: string): Promise<Deno.ChildProcess> {
  const code = `import { lockRun } from ${JSON.stringify(MODULE)};
    lockRun(${JSON.stringify(folder)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

Deno.test("lockRun() refuses a folder that another process holds, until that process is killed", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const holder = await startHolder(folder);
    assert.throws(() => lockRun(folder), (error) => {
      assert.ok(error instanceof FileError);
      assert.equal(
        error.message,
        `Cannot open run ${
          JSON.stringify(folder)
        }: another udrlpg (process ${holder.pid}) is using it`,
      );
      return true;
    });
    holder.kill("SIGKILL");
    await holder.status;
    await holder.stdout.cancel();
    const lock = lockRun(folder);
    assert.equal(Deno.readTextFileSync(join(folder, LOCK_FILE_NAME)), `${Deno.pid}\n`);
    lock.release();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("lockRun() refuses a second lock of the same process, until the first is released", () => {
  const folder = Deno.makeTempDirSync();
  try {
    {
      using first = lockRun(folder);
      assert.throws(() => lockRun(folder), /another udrlpg \(process [0-9]+\) is using it$/);
      first.release();
      using second = lockRun(folder);
      first.release(); // must not let go of the second
      assert.throws(() => lockRun(folder), FileError);
      second.release();
    }
    lockRun(folder).release();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("assertHeld() refuses a folder that was moved, deleted or made anew", async () => {
  const changes: ((folder: string) => void)[] = [
    (folder) => Deno.renameSync(folder, `${folder}-moved`),
    (folder) => Deno.removeSync(folder, { recursive: true }),
    (folder) => Deno.removeSync(join(folder, LOCK_FILE_NAME)),
    (folder) => {
      Deno.renameSync(folder, `${folder}-moved`);
      Deno.mkdirSync(folder);
      lockRun(folder).release();
    },
  ];
  for (const change of changes) {
    await withFolder((parent) => {
      const folder = join(parent, "run");
      Deno.mkdirSync(folder);
      using lock = lockRun(folder);
      lock.assertHeld();
      change(folder);
      assert.throws(() => lock.assertHeld(), {
        name: "FileError",
        message: /^Cannot write run ".*run": it must be the folder that was opened, got another/,
      });
      return Promise.resolve();
    });
  }
});

Deno.test("lockRun() follows no link, and sweeps what killed processes left long ago", async () => {
  await withFolder((folder) => {
    const path = join(folder, LOCK_FILE_NAME);
    Deno.writeTextFileSync(join(folder, "notes"), "mine");
    Deno.symlinkSync("notes", path);
    assert.throws(() => lockRun(folder), /^FileError: Cannot open run ".*": .* got a link$/);
    assert.equal(Deno.readTextFileSync(join(folder, "notes")), "mine");
    Deno.removeSync(path);
    const [left, fresh] = [".config.toml.7.tmp", ".report.html.8.tmp"];
    for (const name of [left, fresh]) Deno.writeTextFileSync(join(folder, name), "");
    Deno.utimeSync(join(folder, left), new Date(1000), new Date(1000));
    lockRun(folder).release();
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(names, [LOCK_FILE_NAME, fresh, "notes"]);
    return Promise.resolve();
  });
});

const canTrace = (() => {
  try {
    return new Deno.Command("strace", { args: ["-o", "/dev/null", "true"], stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: "lockRun() says so where a file system has no locks, and asks again when interrupted",
  ignore: !canTrace,
  async fn() {
    await withFolder((folder) => {
      const code = `import { lockRun } from ${JSON.stringify(MODULE)};
        try {
          lockRun(${JSON.stringify(folder)});
          console.log("held");
        } catch (error) {
          console.log(error.message);
        }`;
      const lockUnder = (fault: string) => {
        const tracer = ["-f", "-qq", "-o", "/dev/null", "-e", `inject=flock:error=${fault}`];
        const { stdout } = new Deno.Command("strace", {
          args: [...tracer, Deno.execPath(), "eval", "--quiet", code],
          stderr: "null",
        }).outputSync();
        return new TextDecoder().decode(stdout).trim();
      };
      for (const fault of ["ENOLCK", "ENOSYS"]) {
        assert.match(
          lockUnder(fault),
          /^Cannot open run ".*": its file system must have locks, got ".*": train in a folder of a/,
        );
      }
      assert.equal(lockUnder("EINTR:when=1..2"), "held");
      return Promise.resolve();
    });
  },
});

Deno.test("lockRun() says when there is no such folder, whatever the lock file holds", () => {
  assert.throws(
    () => lockRun("/nonexistent-folder/run"),
    /^FileError: Cannot open run "\/nonexistent-folder\/run": there is no such file or folder$/,
  );
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, LOCK_FILE_NAME), "x".repeat(1000));
  lockRun(folder).release();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test({
  name: "lockRun() gives way at once also while another thread starts processes",
  // Only where a new process has the files of its parent until it runs its own program.
  ignore: Deno.build.os === "windows",
  async fn() {
    const source = `
      const start = () => new Deno.Command("true").outputSync();
      start();
      self.postMessage("started");
      for (;;) start();
    `;
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
      type: "module",
    });
    try {
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = reject;
      });
      await withFolder((folder) => {
        for (let i = 0; i < 1000; i++) lockRun(folder).release();
        return Promise.resolve();
      });
    } finally {
      worker.terminate();
    }
  },
});
