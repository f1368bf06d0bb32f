/**
 * A worker that ends the process when one input is being read for far too long: a reader that hangs
 * cannot be interrupted from its own thread. It is sent the shared memory in which the number of the
 * input stands, -1 between readers.
 */

/// <reference lib="deno.worker" />

const POLL_MILLISECONDS = 100;
/** Of the wall: long enough for a busy machine to read any input. */
const MAX_MILLISECONDS = 20_000;

self.onmessage = ({ data }: MessageEvent<SharedArrayBuffer>) => {
  const current = new Int32Array(data);
  let last = -1;
  let since = performance.now();
  setInterval(() => {
    const index = Atomics.load(current, 0);
    if (index !== last || index < 0) {
      last = index;
      since = performance.now();
    } else if (performance.now() - since > MAX_MILLISECONDS) {
      const line = `input ${index} takes over ${MAX_MILLISECONDS} ms\n`;
      Deno.stderr.writeSync(new TextEncoder().encode(line));
      Deno.kill(Deno.pid, "SIGKILL");
    }
  }, POLL_MILLISECONDS);
};
