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
