/** What `udrlpg play` shows: policies of files, and of a generator for several returns. */

import { join } from "node:path";
import type { Env } from "../../../env.ts";
import { measureReturn } from "../../../episodes/evaluate.ts";
import { runEpisode } from "../../../episodes/rollout.ts";
import { commandFor, reachableRange } from "../../../generator/calibration.ts";
import type { Policy } from "../../../model.ts";
import { formatNumber, roundDown } from "../../../numbers/format.ts";
import { episodeSeed, streamFor } from "../../../numbers/streams.ts";
import { toPolicyOrder } from "../../../policy_space.ts";
import { recordEpisode, type Recording } from "../../../report/play/recording.ts";
import { CONFIG_FILE_NAME, GENERATOR_FILE_NAME } from "../../../run/layout.ts";
import { FileError, UsageError } from "../../../system/errors.ts";
import { isThere } from "../../../system/files.ts";
import { openGenerator } from "../../generator_source.ts";
import type { CommandContext } from "../../program.ts";
import { openPolicy } from "../evaluate.ts";
import type { PlayValues } from "./play.ts";
import { checkRunFolder, isFolder, policiesIn } from "../../paths.ts";

/** Fresh episodes that measure each policy beside the ones that are shown. */
export const MEASURED_EPISODES = 20;
/** Returns that are asked for where none are given: shares of the reachable range. */
const DEFAULT_SHARES = [0.2, 0.6, 1];

/** Takes every recorded episode, and tells how many there will be. */
export interface RecordingSink {
  /** Called before the first episode. @throws {UsageError} when there are too many. */
  expect(subjects: number): void;
  /** Takes an episode. */
  add(recording: Recording): void;
}

/** Where the policies come from. */
export type Source =
  | { readonly kind: "generator"; readonly path: string }
  | { readonly kind: "policies"; readonly paths: readonly string[] };

/**
 * Tells a run or generator from policy files; a folder stands for the policies in it.
 * @throws {UsageError} when both are named, or neither.
 */
export function sourceOf(paths: readonly string[], generator: string | undefined): Source {
  const generators = [...generator === undefined ? [] : [generator], ...paths.filter(isGenerator)];
  const all = [...generators, ...paths.filter((path) => !isGenerator(path))];
  if (generators.length > 0 && all.length > 1) {
    throw new UsageError(
      `Cannot play: one run or policy files must be given, got ${
        all.map((path) => JSON.stringify(path)).join(" and ")
      }`,
    );
  }
  if (generators.length === 1) return { kind: "generator", path: generators[0] };
  const files = paths.flatMap(policiesOf);
  if (files.length > 0) return { kind: "policies", paths: files };
  paths.forEach((path) => checkRunFolder(path));
  throw new UsageError(
    `Cannot play: a run or policy files must be given, got ${
      paths.length === 0 ? "neither" : "a folder without policies"
    }`,
  );
}

function isGenerator(path: string): boolean {
  return path.endsWith(GENERATOR_FILE_NAME) ||
    isFolder(path) && isThere(join(path, CONFIG_FILE_NAME));
}

function policiesOf(path: string): string[] {
  try {
    return policiesIn(path);
  } catch (error) {
    if (error instanceof FileError) return [];
    throw error;
  }
}

/** Records the episodes that `evaluate` runs with the same seed, of each file. */
export async function recordPolicies(
  paths: readonly string[],
  { values, context, sink }: { values: PlayValues; context: CommandContext; sink: RecordingSink },
): Promise<void> {
  sink.expect(paths.length);
  for (const path of paths) {
    const { env, policy } = await openPolicy(path, values, context);
    try {
      await recordSubject({ env, policy, title: path }, {
        values,
        sink,
        seedOf: (i) => episodeSeed(values.seed, "evaluation", i),
      });
    } finally {
      await env.close();
    }
  }
}

/** Records the first episodes that `generate` measures with the same return and seed, of each return. */
export async function recordGenerated(
  path: string,
  { values, context, sink }: { values: PlayValues; context: CommandContext; sink: RecordingSink },
): Promise<void> {
  const { program, output } = context;
  const models = await program.models();
  await using parts = new AsyncDisposableStack();
  const { generator } = parts.adopt(
    await openGenerator({ ...values, path, run: undefined, generator: undefined }, context, "play"),
    (opened) => opened.close(),
  );
  const registry = await program.registry(generator.spec.id);
  const env = parts.adopt(await registry.make(generator.spec.id), (made) => made.close());
  const policy = models.createPolicy(generator.spec, generator.shape);
  policy.normalise(generator.normaliser);
  const { min, max } = reachableRange(generator.calibration);
  const returns = values.returns ??
    [...new Set(DEFAULT_SHARES.map((share) => roundDown(min + share * (max - min), 3)))];
  sink.expect(returns.length);
  for (const requested of returns) {
    const shown = formatNumber(requested);
    if (values.returns && (requested < min || requested > max)) {
      output.warn(
        `return ${shown} is outside the range that this generator was measured to reach, ` +
          `${formatNumber(min)} to ${formatNumber(max)}: the nearest is shown`,
      );
    }
    const { command } = commandFor(generator.calibration, requested);
    const rng = streamFor(values.seed, "latent", 0);
    const [row] = await generator.pass.run(generator.values, { commands: [command], rng });
    policy.load(toPolicyOrder(generator.model, row));
    await recordSubject({ env, policy, title: `asked for ${shown}`, requested }, {
      values,
      sink,
      seedOf: (i) => episodeSeed(values.seed, "proof", i),
    });
  }
}

interface Subject {
  readonly env: Env;
  readonly policy: Policy;
  readonly title: string;
  readonly requested?: number;
}

/** Measures a policy over fresh episodes and records the first of them. */
async function recordSubject(
  { env, policy, title, requested }: Subject,
  { values, sink, seedOf }: {
    values: PlayValues;
    sink: RecordingSink;
    seedOf: (episode: number) => number;
  },
): Promise<void> {
  const episodes = [];
  for (let i = 0; i < MEASURED_EPISODES; i++) {
    episodes.push(await runEpisode(env, policy, { seed: seedOf(i) }));
  }
  const { mean, std, n } = measureReturn(episodes);
  for (let i = 0; i < values.episodes; i++) {
    const recording = await recordEpisode(env, policy, {
      title: values.episodes === 1 ? title : `${title}, episode ${i + 1}`,
      seed: seedOf(i),
      measured: { mean, std, n },
      ...(requested === undefined ? {} : { requested }),
    });
    sink.add(recording);
  }
}
