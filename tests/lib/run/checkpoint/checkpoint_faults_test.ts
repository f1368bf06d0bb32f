/** Checkpoints on a full disk, on a read-only one, and watched by strace. All faults are real ones. */

import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";

const PROGRAM = new URL("../../../support/checkpoint_faults.ts", import.meta.url).pathname;

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const canMount = succeeds("unshare", [
  "-rm",
  "mount",
  "-t",
  "tmpfs",
  "-o",
  "size=64k",
  "tmpfs",
  "/mnt",
]);
const canTrace = succeeds("strace", ["-o", "/dev/null", "true"]);

/** Runs shell lines in a mount namespace of their own, where $1 is a fresh folder. */
function runOnSmallDisk(script: string): void {
  const folder = Deno.makeTempDirSync();
  try {
    const { success, stderr } = new Deno.Command("unshare", {
      args: ["-rm", "sh", "-ec", script, "sh", folder, Deno.execPath(), PROGRAM],
      stderr: "piped",
    }).outputSync();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name:
    "CheckpointStore.save() on a full disk keeps the last checkpoint (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () =>
    runOnSmallDisk(
      'mount -t tmpfs -o size=160k tmpfs "$1"; "$2" run -A --quiet "$3" fill-disk "$1"',
    ),
});

Deno.test({
  name:
    "CheckpointStore.save() on a disk full of rows keeps the last (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () =>
    runOnSmallDisk(
      'mount -t tmpfs -o size=900k tmpfs "$1"; "$2" run -A --quiet "$3" fill-disk-with-rows "$1"',
    ),
});

Deno.test({
  name: "MetricsWriter on a full disk leaves whole lines (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () =>
    runOnSmallDisk(
      'mount -t tmpfs -o size=160k tmpfs "$1"; "$2" run -A --quiet "$3" fill-metrics "$1"',
    ),
});

Deno.test({
  name:
    "CheckpointStore on a read-only disk loads, and says why it cannot save (needs leave to mount a tmpfs)",
  ignore: !canMount,
  fn: () =>
    runOnSmallDisk(
      'mount -t tmpfs tmpfs "$1"; "$2" run -A --quiet "$3" save-five "$1"; ' +
        'mount -o remount,ro tmpfs "$1"; "$2" run -A --quiet "$3" read-only "$1"',
    ),
});

/** Lists what is wrong in the order of the system calls that a trace shows for one folder. */
function orderFaults(trace: string): string[] {
  const faults: string[] = [];
  const dirty = new Set<string>();
  const unsyncedNames = new Set<string>();
  for (const line of trace.split("\n")) {
    const call = /^(?:[0-9]+ +)?([a-z0-9]+)\((.*)/.exec(line);
    if (call === null) continue;
    const [, name, rest] = call;
    const file = /^[0-9]+<([^>]+)>/.exec(rest)?.[1] ?? "";
    const paths = [...rest.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
    if (name === "write" || name === "pwrite64" || name === "writev") dirty.add(file);
    if (name === "fsync") {
      dirty.delete(file);
      for (const path of unsyncedNames) if (dirname(path) === file) unsyncedNames.delete(path);
    }
    if (name === "openat" && rest.includes("O_EXCL")) unsyncedNames.add(paths[0]);
    if (name.startsWith("rename")) {
      const [from, to] = paths;
      unsyncedNames.delete(from);
      if (dirty.has(from)) faults.push(`${basename(to)} renamed before it was synced`);
      if (to.endsWith("-manifest.json")) {
        for (const path of dirty) {
          if (path.startsWith(dirname(to))) faults.push(`${basename(path)} not synced`);
        }
        for (const path of unsyncedNames) faults.push(`name ${basename(path)} not synced`);
      }
      unsyncedNames.add(to);
    }
    if (name.startsWith("unlink") && paths[0] !== undefined) {
      for (const path of unsyncedNames) {
        if (path.endsWith("-manifest.json")) faults.push(`${basename(paths[0])} removed too early`);
      }
    }
  }
  return faults;
}

Deno.test("orderFaults() finds every wrong order", () => {
  const good = `1 openat(AT_FDCWD</>, "/r/rows-000001.bin", O_WRONLY|O_CREAT|O_EXCL, 0666) = 3
1 write(3</r/rows-000001.bin>, "", 8) = 8
1 fsync(3</r/rows-000001.bin>) = 0
1 openat(AT_FDCWD</>, "/r/.a.tmp", O_WRONLY|O_CREAT|O_EXCL, 0666) = 4
1 write(4</r/.a.tmp>, "", 8) = 8
1 fsync(4</r/.a.tmp>) = 0
1 rename("/r/.a.tmp", "/r/000002-a.safetensors") = 0
1 fsync(5</r>) = 0
1 write(4</r/.m.tmp>, "", 8) = 8
1 fsync(4</r/.m.tmp>) = 0
1 rename("/r/.m.tmp", "/r/000002-manifest.json") = 0
1 fsync(6</r>) = 0
1 unlink("/r/000001-manifest.json") = 0`;
  assert.deepEqual(orderFaults(good), []);
  const without = (part: string) =>
    orderFaults(good.split("\n").filter((l) => !l.includes(part)).join("\n"));
  assert.deepEqual(without("fsync(3<"), ["rows-000001.bin not synced"]);
  assert.ok(
    without("fsync(4</r/.a.tmp>").includes("000002-a.safetensors renamed before it was synced"),
  );
  assert.deepEqual(without("fsync(5<"), [
    "name rows-000001.bin not synced",
    "name 000002-a.safetensors not synced",
  ]);
  assert.ok(
    without("fsync(4</r/.m.tmp>").includes("000002-manifest.json renamed before it was synced"),
  );
  assert.deepEqual(without("fsync(6<"), ["000001-manifest.json removed too early"]);
});

Deno.test({
  name: "CheckpointStore.save() syncs every file and name before it relies on it (needs strace)",
  ignore: !canTrace,
  fn: () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    try {
      const log = join(folder, "trace");
      const calls =
        "trace=openat,write,writev,pwrite64,fsync,rename,renameat,renameat2,unlink,unlinkat";
      const { success, stderr } = new Deno.Command("strace", {
        args: ["-f", "-y", "-e", calls, "-o", log, Deno.execPath(), "run", "-A", "--quiet", PROGRAM]
          .concat("save-five", folder),
        stderr: "piped",
      }).outputSync();
      assert.ok(success, new TextDecoder().decode(stderr));
      const own = Deno.readTextFileSync(log).split("\n").filter((line) => line.includes(folder));
      assert.equal(
        own.filter((line) => line.includes("rename") && line.includes("manifest")).length,
        5,
      );
      assert.deepEqual(orderFaults(own.join("\n")), []);
      // The name of the folder itself is synced, too.
      assert.ok(own.some((line) => line.includes(`fsync(`) && line.includes(`<${folder}>`)));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
