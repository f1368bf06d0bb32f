/**
 * The conditional variational autoencoder around the tiled generator.
 *
 * Several policies reach the same return in different ways, and regression on all of them generates
 * their mean, which may reach another. Here the generator gets a latent vector beside the command and
 * so can put out each of them. In training an encoder maps a stored policy to a normal distribution
 * over the latent; the loss is the error of the policy generated from a draw of it, plus the
 * divergence from N(0, 1). Generation draws the latent from N(0, 1) and needs no encoder.
 *
 *     theta [B, P] -> leaky ReLU layers with dropout [B, H] -> mean, log-variance [B, L]
 *     latent = mean + exp(log-variance / 2) * normal noise
 *     loss = error(G(command, latent), theta) + divergence(mean, log-variance)
 *
 * A row that was drawn several times shares one draw of latent noise and dropout: the gradient has
 * the same expectation as with a draw for each. Source: the public reference configuration of UDRLPG.
 */

import { add, exp, leakyRelu, linear, mul } from "../lib/autodiff/tensor.ts";
import type { Tensor } from "../lib/autodiff/node.ts";
import type { Config } from "../lib/config/config.ts";
import type {
  BatchTensors,
  GeneratorModel,
  NoiseSpec,
  PolicyShape,
  WeightSpec,
  WeightTensors,
} from "../lib/model.ts";
import { standardNormalDivergence, summedSquaredError } from "../lib/autodiff/losses.ts";
import type { Rng } from "../lib/numbers/rng.ts";
import { joinFloats } from "../lib/system/bytes.ts";
import { createTiledGenerator } from "./generator.ts";

/** What `createCvaeGenerator` needs. */
export interface CvaeGeneratorOptions {
  /** The decoder's and the encoder's options. */
  readonly config: Pick<Config, "generator" | "cvae">;
  /** The policy network that is generated. */
  readonly shape: PolicyShape;
  /** The reference's when absent. */
  readonly encoder?: EncoderShape;
}

/** The encoder: the reference's. */
export interface EncoderShape {
  /** Widths of its leaky ReLU layers. */
  readonly sizes: readonly number[];
  /** Share of their activations dropped in training. */
  readonly dropout: number;
}

const REFERENCE_ENCODER: EncoderShape = { sizes: [256, 256, 256], dropout: 0.1 };

const LATENT_NOISE = "latentNoise";

/**
 * Creates the conditional variational autoencoder.
 *
 * Its loss draws, for each row, L normal numbers and a dropout mask for every encoder layer (none when
 * dropout is 0).
 * @throws {RangeError} when a policy width is no multiple of the tile size.
 */
export function createCvaeGenerator(
  { config, shape, encoder = REFERENCE_ENCODER }: CvaeGeneratorOptions,
): GeneratorModel {
  const { latentSize } = config.cvae;
  const { sizes, dropout } = encoder;
  const decoder = createTiledGenerator({ config: config.generator, shape, latentSize });
  const encoderWeights = encoderSpecs([shape.parameterCount, ...sizes], latentSize);
  const masks: NoiseSpec[] = dropout === 0 ? [] : sizes.map((width, layer) => ({
    name: `dropout${layer}`,
    width,
    kind: { dropout },
  }));

  function encode(tensors: WeightTensors, batch: BatchTensors) {
    let hidden = batch.targets; // [B, P]
    for (let layer = 0; layer < sizes.length; layer++) {
      hidden = leakyRelu(applyLayer(tensors, hidden, `encoder.${layer}`)); // [B, H]
      if (masks.length > 0) hidden = mul(hidden, batch.noise[masks[layer].name]);
    }
    return {
      mean: applyLayer(tensors, hidden, "encoder.mean"), // [B, L]
      logVariance: applyLayer(tensors, hidden, "encoder.logVariance"),
    };
  }

  return {
    ...decoder,
    weights: [...decoder.weights, ...encoderWeights],
    lossNoise: [{ name: LATENT_NOISE, width: latentSize, kind: "normal" }, ...masks],
    initialise(rng) {
      return joinFloats([decoder.initialise(rng), initialiseEncoder(rng, encoderWeights)]);
    },
    loss(tensors, batch) {
      const latent = encode(tensors, batch);
      const spread = mul(exp(mul(latent.logVariance, 0.5)), batch.noise[LATENT_NOISE]);
      const generated = decoder.generate(tensors, batch.commands, add(latent.mean, spread));
      const { targets, shares } = batch;
      const rows = { generated, targets, shares };
      return add(summedSquaredError(rows), standardNormalDivergence(latent, shares));
    },
  };
}

/** Names the encoder's layers: `encoder.0`, ... and the two heads, each with weight and bias. */
function encoderSpecs(widths: readonly number[], latentSize: number): WeightSpec[] {
  const last = widths[widths.length - 1];
  const layers = widths.slice(1).map((width, i) => ({
    name: `encoder.${i}`,
    fanIn: widths[i],
    fanOut: width,
  }));
  const heads = ["mean", "logVariance"].map((head) => ({
    name: `encoder.${head}`,
    fanIn: last,
    fanOut: latentSize,
  }));
  return [...layers, ...heads].flatMap(({ name, fanIn, fanOut }) => [
    { name: `${name}.weight`, shape: [fanOut, fanIn] },
    { name: `${name}.bias`, shape: [fanOut] },
  ]);
}

/** Draws every layer uniformly within +-1/sqrt(fan-in), whatever initialises the generator. */
function initialiseEncoder(rng: Rng, specs: readonly WeightSpec[]): Float32Array {
  const pieces: Float32Array[] = [];
  for (let i = 0; i < specs.length; i += 2) {
    const [fanOut, fanIn] = specs[i].shape;
    const piece = new Float32Array(fanOut * (fanIn + 1)); // W, then b
    const bound = 1 / Math.sqrt(fanIn);
    rng.fillUniform(piece, -bound, bound);
    pieces.push(piece);
  }
  return joinFloats(pieces);
}

function applyLayer(tensors: WeightTensors, x: Tensor, name: string): Tensor {
  return linear(x, tensors[`${name}.weight`], tensors[`${name}.bias`]);
}
