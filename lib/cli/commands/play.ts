/** `udrlpg play`: records episodes and writes a page that animates them. */

import { merge, object } from "@optique/core/constructs";
import { commandFor, reachableRange } from "../../generator/calibration.ts";
import { UsageError } from "../../system/errors.ts";
import { writePlayer } from "../../report/play/player.ts";
import { recordEpisode, type Recording } from "../../report/play/recording.ts";
import { POLICY_FORMATS } from "../../generator/policy_file.ts";
import { episodeSeed, streamFor } from "../../numbers/streams.ts";
import { toPolicyOrder } from "../../policy_space.ts";
import { envCommandOptions, withEnvironments } from "../env_command.ts";
import { openPolicy } from "./evaluate.ts";
import {
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  openGenerator,
} from "../generator_source.ts";
import { formatNumber } from "../../numbers/format.ts";
import { formatTable } from "../output.ts";
import type { Command, CommandContext } from "../program.ts";
import { setting, settingOr, toggle, word } from "../options.ts";
import { fileValue, integerValue, numberListValue, textValue } from "../values.ts";

/** The options of `udrlpg play`. */
export interface PlayValues extends GeneratorOptions {
  /** Policy file. */
  readonly policy: string | undefined;
  /** --env */
  readonly env: string | undefined;
  /** --trust */
  readonly trust: boolean;
  /** --returns */
  readonly returns: readonly number[] | undefined;
  /** --episodes */
  readonly episodes: number;
  /** --seed */
  readonly seed: number;
  /** --out */
  readonly out: string;
}

/** More would make a page that no browser likes. */
const MAX_RECORDINGS = 24;
const DEFAULT_OUT = "play.html";

/** The `play` command. */
export const playCommand: Command<PlayValues> = {
  description: [
    "Runs episodes and writes them as one page that needs no network: bodies drawn from the simulator's own geometry, with play, pause, time, speed and the return counting up. Episodes of `play POLICY` are those of `evaluate POLICY` with the same seed.",
    "With --run and --returns, policies for several returns are generated and shown side by side.",
  ],
  examples: [
    { command: "udrlpg play policy.onnx", does: "Watch a policy: open play.html in a browser" },
    {
      command: "udrlpg play --run runs/swimmer --returns 50,150,300 --out swim.html",
      does: "Policies of three strengths side by side",
    },
    {
      command: "udrlpg play policy.onnx --episodes 4 --seed 7 --out four.html",
      does: "Four episodes side by side",
    },
  ],
  exclusive: [GENERATOR_OPTIONS],
  parser: (names) =>
    merge(
      object("The policy", {
        policy: word(
          fileValue("POLICY", POLICY_FORMATS.map((format) => `.${format}`)),
          "Policy file, in place of --run",
        ),
        trust: toggle(
          "--trust",
          "Run an ONNX file that holds other operators than this program writes",
        ),
        env: setting(
          "--env",
          textValue("ID", names.environments),
          "Environment (default: the one in the policy file)",
        ),
      }),
      object("The generator", {
        ...generatorOptions(),
        returns: setting("--returns", numberListValue("R,R,..."), "Returns to ask it for"),
      }),
      object("An environment of your own", envCommandOptions()),
      object("The page", {
        episodes: settingOr("--episodes", integerValue({ metavar: "N", min: 1, max: 24 }), {
          fallback: 1,
          doc: "Episodes of each policy",
        }),
        seed: settingOr("--seed", integerValue({ metavar: "N" }), {
          fallback: 1,
          doc: "Seed of the episodes",
        }),
        out: settingOr("--out", fileValue("FILE", [".html"]), {
          fallback: DEFAULT_OUT,
          doc: "File to write",
        }),
      }),
    ),
  run: (values, context) => withEnvironments(values, context, runPlay),
};

async function runPlay(values: PlayValues, context: CommandContext): Promise<void> {
  const { policy, run, generator, returns, out } = values;
  const hasGenerator = run !== undefined || generator !== undefined;
  if ((policy === undefined) === !hasGenerator) {
    const given = hasGenerator ? "both" : "neither";
    throw new UsageError(
      `Cannot play: either a policy file or --run DIR with --returns must be given, got ${given}`,
    );
  }
  if (hasGenerator !== (returns !== undefined)) {
    throw new UsageError(
      hasGenerator
        ? "Cannot play: the returns to ask for must be given, got none: use --returns 50,150,300"
        : "Cannot play: --returns needs a generator, got a policy file: use --run DIR",
    );
  }
  const count = (returns?.length ?? 1) * values.episodes;
  if (count > MAX_RECORDINGS) {
    throw new UsageError(
      `Cannot play: there must be at most ${MAX_RECORDINGS} episodes, got ${count}`,
    );
  }
  const recordings = policy !== undefined
    ? await recordPolicy(policy, values, context)
    : await recordGenerated(returns!, values, context);
  await writePlayer(out, recordings, { followLinks: context.origin("--out") !== undefined });
  describe(out, recordings, context);
}

/** Records the episodes that `evaluate` runs with the same seed. */
async function recordPolicy(
  path: string,
  values: PlayValues,
  context: CommandContext,
): Promise<Recording[]> {
  const { env, policy } = await openPolicy(path, values, context);
  const progress = context.output.progress("episodes");
  try {
    const recordings: Recording[] = [];
    for (let i = 0; i < values.episodes; i++) {
      const title = values.episodes === 1 ? path : `${path}, episode ${i + 1}`;
      const seed = episodeSeed(values.seed, "evaluation", i);
      recordings.push(await recordEpisode(env, policy, { title, seed }));
      progress.update({ done: i + 1, total: values.episodes, facts: [] });
    }
    return recordings;
  } finally {
    context.output.endProgress();
    await env.close();
  }
}

/** Records the first episodes that `generate` measures with the same return and seed. */
async function recordGenerated(
  returns: readonly number[],
  values: PlayValues,
  context: CommandContext,
): Promise<Recording[]> {
  const { program, output } = context;
  const [registry, models] = await Promise.all([program.registry(), program.models()]);
  await using parts = new AsyncDisposableStack();
  const source = parts.adopt(
    await openGenerator(values, context, "play"),
    (opened) => opened.close(),
  );
  const { generator } = source;
  const env = parts.adopt(await registry.make(generator.spec.id), (made) => made.close());
  const policy = models.createPolicy(generator.spec, generator.shape);
  policy.normalise(generator.normaliser);
  const { min, max } = reachableRange(generator.calibration);
  const progress = output.progress("episodes");
  const recordings: Recording[] = [];
  for (const requested of returns) {
    const shown = formatNumber(requested);
    if (requested < min || requested > max) {
      output.warn(
        `return ${shown} is outside the range that this generator was measured to reach, ` +
          `${formatNumber(min)} to ${formatNumber(max)}: the nearest is shown`,
      );
    }
    const { command } = commandFor(generator.calibration, requested);
    const rng = streamFor(values.seed, "latent", 0);
    const [row] = await generator.pass.run(generator.values, { commands: [command], rng });
    policy.load(toPolicyOrder(generator.model, row));
    for (let i = 0; i < values.episodes; i++) {
      const title = `asked for ${shown}${values.episodes === 1 ? "" : `, episode ${i + 1}`}`;
      const seed = episodeSeed(values.seed, "verification", i + 1);
      recordings.push(await recordEpisode(env, policy, { title, seed, requested }));
      progress.update({
        done: recordings.length,
        total: returns.length * values.episodes,
        facts: [],
      });
    }
  }
  output.endProgress();
  return recordings;
}

function describe(
  path: string,
  recordings: readonly Recording[],
  { output }: CommandContext,
): void {
  const document = {
    page: path,
    env: recordings[0].env,
    episodes: recordings.map(({ title, seed, requested, steps, terminated, ...recording }) => ({
      title,
      seed,
      requestedReturn: requested,
      return: recording.return,
      length: steps,
      terminated,
    })),
  };
  output.result(document, () => [
    ...formatTable([
      ["episode", "return", "steps"],
      ...recordings.map(({ title, steps, return: total }) => [
        title,
        formatNumber(total),
        String(steps),
      ]),
    ]),
    "",
    `Page  ${path}: open it in a browser`,
  ]);
}
