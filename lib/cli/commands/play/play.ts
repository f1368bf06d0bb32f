/** `udrlpg play`: records episodes and writes a page that animates them. */

import { merge, object } from "@optique/core/constructs";
import { UsageError } from "../../../system/errors.ts";
import { writePlayer } from "../../../report/play/player.ts";
import { type Recording } from "../../../report/play/recording.ts";
import { envCommandOptions, withEnvironments } from "../../env_command.ts";
import { POLICY_ENDINGS } from "../evaluate.ts";
import {
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
} from "../../generator_source.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { formatTable } from "../../output.ts";
import type { Command, CommandContext } from "../../program.ts";
import { setting, settingOr, settings, toggle, words } from "../../options.ts";
import {
  fileValue,
  integerValue,
  numberListValue,
  runOrFileValue,
  textValue,
} from "../../values.ts";
import { endingOf } from "../../paths.ts";
import { recordGenerated, type RecordingSink, recordPolicies, sourceOf } from "./subjects.ts";

/** The options of `udrlpg play`. */
export interface PlayValues extends Omit<GeneratorOptions, "path"> {
  /** Run, generator file, policy files or folders of them, as words. */
  readonly path: readonly string[];
  /** --policy */
  readonly policy: readonly string[];
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
/** A page of players, or one moving picture. */
const ENDINGS = [".html", ".svg", ".gif"] as const;

/** The `play` command. */
export const playCommand: Command<PlayValues> = {
  description: [
    "Runs episodes and writes them as one page that needs no network: bodies drawn from the simulator's own geometry, with play, pause, time, speed and the return counting up. Episodes of `play POLICY` are those of `evaluate POLICY` with the same seed.",
    "Of a run, policies for several returns are generated and shown side by side; several files are shown so, too. Beside each episode stands what its policy returns over 20 fresh ones.",
  ],
  examples: [
    { command: "udrlpg play policy.onnx", does: "Watch a policy: open play.html in a browser" },
    {
      command: "udrlpg play runs/swimmer --returns 50,150,300 --out swim.html",
      does: "Policies of three strengths side by side",
    },
    {
      command: "udrlpg play runs/swimmer --returns 300 --out swim.gif",
      does: "A moving picture, for a document",
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
        path: words(
          runOrFileValue("PATH", POLICY_ENDINGS),
          "Run, generator file, policy files, or folders of policies",
        ),
        policy: settings(
          "--policy",
          fileValue("FILE", POLICY_ENDINGS),
          "Policy file, in place of PATH; may be given many times",
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
        returns: setting(
          "--returns",
          numberListValue("R,R,..."),
          "Returns to ask it for (default: low, middling and the best)",
        ),
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
        out: settingOr("--out", fileValue("FILE", ENDINGS), {
          fallback: DEFAULT_OUT,
          doc: "Page, .html, or a moving picture of one episode, .svg or .gif",
        }),
      }),
    ),
  startsPrograms: true,
  run: (values, context) => withEnvironments(values, context, runPlay),
};

async function runPlay(values: PlayValues, context: CommandContext): Promise<void> {
  const { path: words, policy, run, generator, returns, out } = values;
  const ending = endingOf(out, { does: "play", endings: ENDINGS });
  const source = sourceOf([...words, ...policy], run ?? generator);
  if (source.kind === "policies" && returns !== undefined) {
    throw new UsageError(
      "Cannot play: --returns needs a generator, got a policy file: give a run",
    );
  }
  const progress = context.output.progress("episodes");
  const recordings: Recording[] = [];
  let total = 0;
  const sink: RecordingSink = {
    expect(subjects) {
      total = subjects * values.episodes;
      if (total > 1 && ending !== ".html") {
        throw new UsageError(
          `Cannot play: a moving picture shows one episode, got ${total}: give one --returns R, or end --out in .html`,
        );
      }
      if (total <= MAX_RECORDINGS) return;
      throw new UsageError(
        `Cannot play: there must be at most ${MAX_RECORDINGS} episodes, got ${total}`,
      );
    },
    add(recording) {
      recordings.push(recording);
      progress.update({ done: recordings.length, total });
    },
  };
  if (source.kind === "policies") await recordPolicies(source.paths, { values, context, sink });
  else await recordGenerated(source.path, { values, context, sink });
  context.output.endProgress();
  await writePlayer(out, recordings, { followLinks: context.origin("--out") !== undefined });
  describe(out, recordings, context);
}

function describe(
  path: string,
  recordings: readonly Recording[],
  { output }: CommandContext,
): void {
  const document = {
    page: path,
    env: recordings[0].env,
    episodes: recordings.map((
      { title, seed, requested, measured, steps, terminated, ...recording },
    ) => ({
      title,
      seed,
      requestedReturn: requested,
      measuredReturn: measured,
      return: recording.return,
      length: steps,
      terminated,
    })),
  };
  output.result(document, () => [
    ...formatTable([
      ["episode", "mean return", "deviation", "this return", "steps"],
      ...recordings.map(({ title, steps, return: total, measured }) => [
        title,
        formatNumber(measured.mean),
        formatNumber(measured.std, 3),
        formatNumber(total),
        String(steps),
      ]),
    ]),
    "",
    `Written to ${path}: open it in a browser`,
  ]);
}
