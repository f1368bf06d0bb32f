/**
 * Signals: the first SIGINT or SIGTERM asks the running command to save and stop, a second one ends
 * the program at once.
 */

import { InterruptedError, type InterruptSignal } from "../system/errors.ts";
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

const SIGNALS: readonly InterruptSignal[] = ["SIGINT", "SIGTERM"];

/** Listens for the signals that interrupt a command, where the system knows them. */
export function listenForSignals(source: SignalSource): Interruption {
  const controller = new AbortController();
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      const error = new InterruptedError(`Interrupted by ${signal}`, signal);
      if (controller.signal.aborted) source.exit(error.exitCode);
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
  return {
    signal: controller.signal,
    stop() {
      for (const { signal, listener } of active) source.removeSignalListener(signal, listener);
    },
  };
}
