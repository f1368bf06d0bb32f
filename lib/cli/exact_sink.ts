/**
 * The standard output as a sink that says exactly how much it took.
 *
 * The runtime puts a line buffer of 1024 bytes in front of it and empties that after each write. Where the
 * reader does not block and is slow, it throws WouldBlock, whatever it has written or kept by then: who
 * writes all of it again repeats a part, for ever where the pipe is smaller than the text. So each write
 * here is a piece of which it takes all or nothing:
 * - whole lines of at most 4096 bytes, which a pipe takes at once (PIPE_BUF) and the buffer does not keep;
 * - a piece of less than 1024 bytes without a line's end, which the buffer always keeps.
 * A terminal may take a part of some lines, and gets the end of a line by itself.
 *
 * Source: Rust 1.90, std/src/io/buffered/linewritershim.rs.
 */

import type { Sink } from "./text_stream.ts";

const LINE_FEED = 10;
const PIPE_BYTES = 4096;
const KEPT_BYTES = 1023;
const NOTHING = new Uint8Array(0);

/** Wraps `Deno.stdout`; an empty write pushes what the runtime still keeps. */
export function exactSink(sink: Sink): Sink {
  const isTerminal = sink.isTerminal();
  let isKeeping = false;
  return {
    isTerminal: () => isTerminal,
    writeSync(bytes) {
      if (isKeeping) sink.writeSync(NOTHING);
      isKeeping = false;
      const piece = firstPiece(bytes, isTerminal);
      try {
        return sink.writeSync(piece);
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock) || piece.at(-1) === LINE_FEED) throw error;
        isKeeping = true;
        return piece.length;
      }
    },
  };
}

/** Cuts off a piece of which the runtime takes all or nothing. */
function firstPiece(bytes: Uint8Array, isTerminal: boolean): Uint8Array {
  const linesEnd = isTerminal
    ? (bytes[0] === LINE_FEED ? 1 : 0)
    : bytes.subarray(0, PIPE_BYTES).lastIndexOf(LINE_FEED) + 1;
  if (linesEnd > 0) return bytes.subarray(0, linesEnd);
  const lineEnd = bytes.indexOf(LINE_FEED);
  return bytes.subarray(0, Math.min(lineEnd < 0 ? bytes.length : lineEnd, KEPT_BYTES));
}
