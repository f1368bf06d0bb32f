/**
 * A small process that ends a child's process group once this program is gone: a killed program can
 * clean nothing up, and a child that hangs does not notice that its input has ended.
 *
 * The guard waits for the end of its own input, which comes with the end of this program however that
 * ends. It leads a session of its own, so that nothing sent to this program's group reaches it.
 */

/** A waiting guard. */
export interface Guard {
  /** Sends it home: the child is gone. */
  release(): Promise<void>;
}

/**
 * Waits for a line (all is well) or the end of the input (the program is gone); then gives the group $1 up
 * to $2 seconds, and kills what is left of it.
 */
const SCRIPT = `trap '' HUP INT TERM
if read -r line; then exit; fi
i=0
while [ "$i" -lt "$2" ] && kill -s 0 -- "-$1"; do
  sleep 1
  i=$((i + 1))
done
kill -s KILL -- "-$1"`;

/**
 * Starts a guard of a process group.
 * @param graceSeconds how long the group may take to end by itself
 * @returns undefined where there are no groups or no shell, or where it may not be started.
 */
export function startGuard(group: number, graceSeconds: number): Guard | undefined {
  if (Deno.build.os === "windows") return undefined;
  try {
    const guard = new Deno.Command("sh", {
      args: ["-c", SCRIPT, "sh", String(group), String(Math.ceil(graceSeconds))],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    guard.unref();
    const input = guard.stdin.getWriter();
    return {
      async release() {
        guard.ref();
        await input.write(new TextEncoder().encode("done\n")).catch(() => {});
        await input.close().catch(() => {});
        await guard.status;
      },
    };
  } catch {
    return undefined; // not permitted, or there is no shell: the child's input ends all the same
  }
}
