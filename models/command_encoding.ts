/**
 * How a scaled command becomes the generator's input.
 *
 * `scalar` feeds the number itself, as the reference does. `fourier` feeds cos and sin of the command
 * at rising frequencies, scaled to unit norm: an input of constant length keeps the generated weights
 * at one scale over the whole range (the remedy of arXiv 2304.07645) and lets neighbouring commands
 * be told apart.
 */

import type { Config } from "../lib/config/config.ts";

/** Turns scaled commands into inputs of the generator. */
export interface CommandEncoder {
  /** Length of an encoded command, C. */
  readonly size: number;
  /** Writes the encoding of a command to `out`, [C]. */
  encode(command: number, out: Float32Array): void;
}

/** Enough to tell a hundredth of the range apart, and few beside the embedding. */
const FREQUENCIES = 8;

/** Creates the encoder that the configuration names. */
export function commandEncoder(config: Config["generator"]): CommandEncoder {
  if (config.commandEncoding === "scalar") {
    return { size: 1, encode: (command, out) => void (out[0] = command) };
  }
  const scale = 1 / Math.sqrt(FREQUENCIES);
  return {
    size: 2 * FREQUENCIES,
    encode(command, out) {
      for (let i = 0; i < FREQUENCIES; i++) {
        // A half turn over the range 0..1 at the first frequency, so that its ends differ most.
        const angle = Math.PI * (i + 1) * 0.5 * command;
        out[2 * i] = scale * Math.cos(angle);
        out[2 * i + 1] = scale * Math.sin(angle);
      }
    },
  };
}
