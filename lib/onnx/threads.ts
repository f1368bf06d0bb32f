/**
 * How many threads a model is worth.
 *
 * ONNX Runtime hands work to its threads operator by operator, and the waiting ones spin. For a small
 * model that costs more than it brings, and takes a core from whoever else needs it: an update of the
 * default generator (46,404 weights, batch 24) takes 0.32 ms on one thread and 0.36 on two, and a
 * training cycle of a Hopper run with it 10.2 ms of CPU time on one thread and 26.9 on two.
 */

import type { SessionOptions } from "./session.ts";

/** Multiply-adds of one run below which a second thread brings nothing: about a millisecond's. */
const WORTH_THREADS = 50e6;

/**
 * Limits a session to one thread where the model is small and nobody has asked for a number.
 * @param multiplyAdds arithmetic of one run
 */
export function chooseThreads(options: SessionOptions, multiplyAdds: number): SessionOptions {
  const isOpen = options.threads === undefined && (options.device ?? "cpu") === "cpu";
  return isOpen && multiplyAdds < WORTH_THREADS ? { ...options, threads: 1 } : options;
}
