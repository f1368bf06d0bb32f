/** What weights of 8 bits do to the returns of a generator's policies, in episodes. */

import { interpret } from "../../autodiff/interpret.ts";
import type { Graph } from "../../autodiff/node.ts";
import { type EpisodeRunner, measureReturn } from "../../episodes/evaluate.ts";
import { episodeSeed } from "../../numbers/streams.ts";
import type { PolicyParameters } from "../../policy_space.ts";
import { spreadReturns } from "../wanted.ts";
import { type GraphSource, traceParameters } from "./graphs.ts";
import { prepareLoops } from "./loops.ts";
import { roundMatrices } from "./quantise.ts";

/** Returns that are compared, evenly over the reachable range. */
const RETURNS = 9;

/** How far returns are apart. */
export interface Int8Error {
  /** The greatest difference between the mean returns of a policy of float32 and of 8 bits. */
  readonly error: number;
  /** How many wanted returns were compared. */
  readonly returns: number;
  /** Episodes of each policy, with the same seeds. */
  readonly episodes: number;
}

/**
 * Measures it.
 * @throws {UsageError} as `traceParameters`.
 */
export async function measureInt8Error(
  source: GraphSource,
  { runner, episodes, onPolicy }: {
    readonly runner: EpisodeRunner;
    readonly episodes: number;
    /** Hears how many policies of how many have been measured. */
    readonly onPolicy?: (done: number, total: number) => void;
  },
): Promise<Int8Error> {
  const wanted = spreadReturns(RETURNS, source.calibration);
  const graph = prepareLoops(traceParameters(source, 1));
  const seeds = Array.from({ length: episodes }, (_, i) => episodeSeed(1, "proof", i));
  let done = 0;
  const meansOf = async (graph: Graph): Promise<number[]> => {
    const means: number[] = [];
    for (const one of wanted) {
      const jobs = [{ parameters: generateOne(graph, one), seeds }];
      const [run] = await runner.run(jobs, source.normaliser);
      means.push(measureReturn(run).mean);
      onPolicy?.(++done, 2 * RETURNS);
    }
    return means;
  };
  const exact = await meansOf(graph);
  const rounded = await meansOf(roundMatrices(graph));
  const error = Math.max(...exact.map((mean, i) => Math.abs(mean - rounded[i])));
  return { error, returns: RETURNS, episodes };
}

/** Runs the graph of `traceParameters` for one return, without ONNX Runtime: [P]. */
export function generateOne(graph: Graph, wantedReturn: number): PolicyParameters {
  const { parameters } = interpret(graph, { wantedReturn: { data: [wantedReturn], shape: [1] } });
  return parameters.data as Float32Array as PolicyParameters;
}
