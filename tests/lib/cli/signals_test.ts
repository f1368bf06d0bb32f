import assert from "node:assert/strict";
import { listenForSignals, type SignalSource } from "../../../lib/cli/signals.ts";
import { InterruptedError, type InterruptSignal } from "../../../lib/system/errors.ts";

/** A system that sends signals by hand and notes with which codes the program ended. */
function fakeSource() {
  const listeners = new Map<InterruptSignal, () => void>();
  const exits: number[] = [];
  const source: SignalSource = {
    addSignalListener: (signal, listener) => void listeners.set(signal, listener),
    removeSignalListener: (signal) => void listeners.delete(signal),
    exit: (code) => void exits.push(code),
  };
  return { source, exits, send: (signal: InterruptSignal) => listeners.get(signal)?.(), listeners };
}

Deno.test("listenForSignals() asks to stop at the first signal and ends at the second", () => {
  const codes = { SIGINT: 130, SIGTERM: 143 } as const;
  for (const first of Object.keys(codes) as (keyof typeof codes)[]) {
    const { source, exits, send } = fakeSource();
    const { signal } = listenForSignals(source);
    send(first);
    assert.ok(signal.reason instanceof InterruptedError);
    assert.deepEqual([signal.reason.exitCode, exits], [codes[first], []]);
    send("SIGTERM");
    assert.deepEqual(exits, [143]);
  }
});

Deno.test("listenForSignals() saves when a terminal is closed, however often it says so", () => {
  const { source, exits, send, listeners } = fakeSource();
  const interruption = listenForSignals(source);
  for (const signal of ["SIGHUP", "SIGHUP", "SIGTERM", "SIGHUP"] as const) send(signal);
  assert.equal((interruption.signal.reason as InterruptedError).exitCode, 129);
  assert.deepEqual(exits, []);
  send("SIGINT");
  assert.deepEqual(exits, [130]);
  interruption.stop();
  assert.equal(listeners.size, 0);
});

Deno.test("listenForSignals() takes the end of an input that was handed over for a hangup", async () => {
  const { source, exits } = fakeSource();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const { signal, stop } = listenForSignals(source, readable);
  const writer = writable.getWriter();
  await writer.write(Uint8Array.of(1));
  assert.equal(signal.aborted, false);
  await writer.close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal((signal.reason as InterruptedError).exitCode, 129);
  assert.deepEqual(exits, []);
  stop();
});
