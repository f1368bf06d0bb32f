/**
 * Signals: the first SIGHUP, SIGINT or SIGTERM asks the running command to save and stop, a second
 * SIGINT or SIGTERM ends the program at once.
 *
 * SIGHUP comes when a terminal is closed or a connection is lost. nohup cannot keep it away: the runtime
 * resets what the program's caller had set for the signal.
 *
 * A program that starts this one and may be killed hands it an input that ends then (UDRLPG_STOP_WITH_INPUT):
 * the end of that input counts as SIGHUP.
 */

import { InterruptedError, type InterruptSignal, SIGNAL_EXIT_CODES } from "../system/errors.ts";
import type { Interruption } from "./program.ts";

/** The part of the system that signals come from; Deno itself in the real program. */
export interface SignalSource {
  /** Starts to listen. */
  addSignalListener(signal: InterruptSignal, listener: () => void): void;
  /** Stops to listen. */
  removeSignalListener(signal: InterruptSignal, listener: () => void): void;
  /** Ends the program. */
  exit(code: number): void;
}

const SIGNALS = Object.keys(SIGNAL_EXIT_CODES) as readonly InterruptSignal[];

/**
 * Listens for the signals that interrupt a command, where the system knows them.
 * @param input One whose end interrupts the command too.
 */
export function listenForSignals(
  source: SignalSource,
  input?: ReadableStream<Uint8Array>,
): Interruption {
  const controller = new AbortController();
  let asked = 0;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      // A closed terminal sends SIGHUP twice, and a session that ends sends SIGTERM with it.
      if (signal !== "SIGHUP") asked++;
      const error = new InterruptedError(`Interrupted by ${signal}`, signal);
      if (asked > 1) source.exit(error.exitCode);
      else controller.abort(error);
    };
    return { signal, listener };
  });
  const active = listeners.filter(({ signal, listener }) => {
    try {
      source.addSignalListener(signal, listener);
      return true;
    } catch {
      return false; // Windows has no SIGTERM
    }
  });
  const reader = input?.getReader();
  if (reader !== undefined) {
    readToEnd(reader).then(() =>
      controller.abort(new InterruptedError("Interrupted by the end of its input", "SIGHUP"))
    );
  }
  return {
    signal: controller.signal,
    stop() {
      reader?.cancel().catch(() => {});
      for (const { signal, listener } of active) source.removeSignalListener(signal, listener);
    },
  };
}

async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // An input that cannot be read has ended, too.
  }
}
