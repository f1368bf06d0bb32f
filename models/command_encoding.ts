/**
 * How a scaled command becomes the generator's input.
 *
 * `scalar` feeds the number itself, as the reference does. `fourier` feeds cos and sin of the command
 * at rising frequencies, scaled to unit norm: an input of constant length keeps the generated weights
 * at one scale over the whole range (the remedy of arXiv 2304.07645) and lets neighbouring commands
 * be told apart.
 */

import { concat, constant, cos, mul, reshape, sin } from "../lib/autodiff/tensor.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import type { Config } from "../lib/config/config.ts";

/** Turns scaled commands into inputs of the generator. */
export interface CommandEncoder {
  /** Length of an encoded command, C. */
  readonly size: number;
  /** Writes the encoding of a command to `out`, [C]. */
  encode(command: number, out: Float32Array): void;
  /** Traces the same, [N, 1] -> [N, C]. */
  trace(commands: Tensor): Tensor;
}

/** Enough to tell a hundredth of the range apart, and few beside the embedding. */
const FREQUENCIES = 8;

/** Creates the encoder that the configuration names. */
export function commandEncoder(config: Config["generator"]): CommandEncoder {
  if (config.commandEncoding === "scalar") {
    return {
      size: 1,
      encode: (command, out) => void (out[0] = command),
      trace: (commands) => commands,
    };
  }
  const scale = 1 / Math.sqrt(FREQUENCIES);
  // A half turn over the range 0..1 at the first frequency, so that its ends differ most.
  const speeds = Array.from({ length: FREQUENCIES }, (_, i) => Math.PI * (i + 1) * 0.5);
  return {
    size: 2 * FREQUENCIES,
    encode(command, out) {
      for (let i = 0; i < FREQUENCIES; i++) {
        const angle = speeds[i] * command;
        out[2 * i] = scale * Math.cos(angle);
        out[2 * i + 1] = scale * Math.sin(angle);
      }
    },
    trace(commands) {
      const angles = mul(commands, constant(speeds, [1, FREQUENCIES])); // [N, F]
      const pairs = [cos(angles), sin(angles)].map((part) => reshape(part, [-1, FREQUENCIES, 1]));
      return mul(reshape(concat(pairs, 2), [-1, 2 * FREQUENCIES]), scale); // [N, F, 2] -> [N, C]
    },
  };
}
