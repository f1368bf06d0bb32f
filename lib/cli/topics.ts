/** The texts of `udrlpg help TOPIC`, one paragraph or preformatted block per item. */

import { ALGORITHM_NAMES } from "../config/options.ts";
import { ALGORITHMS } from "../rivals/algorithms.ts";
import type { TopicName } from "./topic_names.ts";

/** A paragraph to be wrapped, or lines to be printed as they are. */
export type TopicPart = string | readonly string[];

/** Every topic's text. */
export const TOPICS: { readonly [N in TopicName]: readonly TopicPart[] } = {
  method: [
    "Upside Down Reinforcement Learning with Policy Generators (UDRLPG) trains one network, the generator, that turns a command, the return you want, into all the weights of a policy network. There is no critic.",
    "Two stages alternate until the budget of environment steps is spent:",
    [
      "  rollout  ask the generator for its best policy, add noise to the weights",
      "           several times, run an episode with each, store (return, weights)",
      "  update   move the generator's answer to each return towards the weights",
      "           that reached it, and its best answer towards the better half of",
      "           the rollouts: squared error, Adam, K steps",
    ],
    "Whatever a policy reached becomes the command under which it is learnt (hindsight). Only the order of rollouts that started alike counts, so that no scale of returns has to be known; the same order teaches the noise its size and its shape.",
    "In the end the generator learns the line from the worst policy seen to the best, along which returns rise, and measures which command earns which return. Training ends early where all rollouts of a cycle return the most that any has. `--preset paper` runs the published method instead: one rollout at a time with fixed noise, buckets over a given range of returns.",
    "After training, `udrlpg generate --return R` asks the generator for a policy and measures what it returns, and `udrlpg curve` shows requested against achieved returns over the whole range.",
  ],
  algorithms: [
    "`train --algorithm NAME` trains by another algorithm than this program's, to compare with: in the same environments, with the same budget of steps, reports, checkpoints and files. Its own numbers are the published ones.",
    ALGORITHM_NAMES.flatMap((name) => describeAlgorithm(name)),
    "What answers any return is calibrated and asked as usual. What has one policy answers every request of `generate` with it, and says so.",
    [
      "  udrlpg train --env InvertedPendulum-v5 --algorithm ars --out runs/ars",
      "  udrlpg report runs",
    ],
    "An option that an algorithm does not have is refused beside it; `udrlpg presets show default --algorithm NAME` shows its own. A budget is spent on training alone, as the published method's: calibration and reports come on top.",
  ],
  presets: [
    "A preset is a named set of option values. `default` holds what worked best so far, `paper` the reference configuration of the published method. A preset may hold other values for single environments.",
    ["  udrlpg presets", "  udrlpg presets show paper --env Hopper-v5 > hopper.toml"],
    "An option's value comes from the first of these that gives one:",
    [
      "  1. the command line: --seed 3, or for any option --set policy.hiddenSizes=8,8",
      "  2. a variable: UDRLPG_SEED, UDRLPG_UPDATE_LEARNING_RATE",
      "  3. the file given with --config",
      "  4. the preset",
      "  5. the default of the option",
    ],
    "`udrlpg train --dry-run` with the same arguments shows every value and where it comes from, and runs nothing. `udrlpg presets schema` prints a JSON Schema with which editors complete and check the file.",
  ],
  sweeps: [
    "A sweep file is a configuration file (udrlpg help presets) with the values that vary added to it:",
    [
      '  env = "CartPole-v1"              # what all runs share',
      "  steps = 20_000",
      "  threads = 1",
      "  seeds = 3                        # 1, 2, 3; or a list",
      "",
      "  [grid]                           # every combination",
      "  update.learningRate = [1e-4, 3e-4]",
      "  policy.hiddenSizes = [[32], [64, 64]]",
      "",
      "  [[list]]                         # these combinations, a table each",
      '  buffer.kind = "fifo"',
      "",
      "  [random]                         # sets of drawn values",
      "  draws = 8",
      "  seed = 1",
      '  rollout.noiseScale = { min = 0.01, max = 0.3, scale = "log" }',
      "  update.perCycle = { choices = [32, 64] }",
    ],
    'env = "gym:LunarLander-v3" and env_command = "python my_env.py" name environments of your own; every line then carries the command. The environment is started once to ask what it is, which is part of HASH.',
    "There is a run for every list entry, grid point, draw and seed. Its folder is runs/NAME/ENVIRONMENT-HASH-seedN, where HASH is that of the configuration without its seed: equal runs share a folder, and a sweep that grows keeps what is done.",
    [
      "  udrlpg sweep plan sweep.toml | xargs -r -P 4 -L 1 env",
      "  udrlpg sweep plan sweep.toml | parallel -j 4",
      "  udrlpg summary runs/sweep",
    ],
    "Every line can be given again: a finished run is left alone, a stopped one goes on from its checkpoint.",
  ],
  environments: [
    "`udrlpg envs` lists the environments that the program has. Those of Gymnasium are played in Python, wherever an environment is named:",
    [
      "  pip install gymnasium[box2d]",
      "  udrlpg train --env gym:LunarLander-v3 --out runs/lander",
      "  udrlpg generate runs/lander --return 100",
      "",
      "  gym:LunarLander-v3                    of Gymnasium or an installed plugin",
      "  gym:my_envs:Mine-v0                   of a module, in this folder too",
      "  'gym:LunarLander-v3?continuous=true'  with arguments for gymnasium.make",
    ],
    "Python is the one that UDRLPG_PYTHON names, else python3. Observations are laid flat: a Box row by row, a Discrete number one-hot, MultiDiscrete one-hot per entry, Tuple in order and Dict in the order of its sorted keys. Images are refused. That is what gymnasium.spaces.flatten does; layout in a policy's metadata lists the parts with their sizes, and tests/examples/spaces acts by a policy in ten lines of Python for each kind of action. Of MultiDiscrete actions the policy puts out a score for each choice, of MultiBinary ones a number that is on above 0; actions without bounds are taken from -1 to 1, or 2 wide from the one bound. A module that only a file names is run as a command is, see below.",
    "One Python plays up to 128 copies of an environment side by side, so that a step costs little more than in a loop of Python. It does so by itself where a step takes less than 0.3 ms, a copy is light, nothing is rendered, and two copies that are played in turns do what they do one after the other; else it plays one.",
    "Any other environment is a program in any language that answers lines on its standard input with lines on its standard output, a JSON object each; what it prints to standard error is its own:",
    [
      '  {"command":"describe"}',
      '    {"id":"Mine-v0","maxEpisodeSteps":500,"returnRange":[0,500],',
      '     "observationSpace":{"low":[null,-1],"high":[null,1]},',
      '     "actionSpace":{"low":[-1],"high":[1]}}      or {"n":2}',
      '  {"command":"reset","seed":7}                   or without a seed',
      '    {"observation":[0.5,0]}',
      '  {"command":"step","action":[0.25]}             [index] where there are n',
      '    {"observation":[0.6,0.1],"reward":1,"terminated":false,"truncated":false}',
    ],
    "null is no bound. Lines that do not begin as a JSON object does are passed over: libraries print. An optional survivalReward says which part of the reward is paid for being alive. An answer with an error ends the program with that text. Every number must be finite; only the observation that ends an episode may be anything.",
    "The program ends when its input does: it has --env-grace SECONDS to write what it has to, then it and what it started are killed. After a signal it has that time for its present answer. Time in which a job is suspended does not count. It gets all of your environment variables, or with --env-clear none but PATH and HOME.",
    [
      '  udrlpg train --env-command "python my_env.py" --out runs/mine',
      "  udrlpg generate --run runs/mine --return 300",
    ],
    "The command is split into words as a shell does, but no shell runs it. Run folders, generators and policies name it, so that later commands start it by themselves where you have typed it before, in the same folder; a command that only a file names needs --trust, or --env-command in training. --env-workers N plays N programs side by side: the policies of a cycle of training, and wherever policies are measured (at the end of training, in generate, curve and evaluate); results are the same for any N. With --env-restarts N a fresh program takes the place of one that crashed or was silent, N times: it plays the episode again from its seed.",
    "What an environment is stands in everything made with it: spaces, limit, range, and versions of Gymnasium, NumPy and the packages that it imports, or what a program answers under versions. A run does not go on with another one. Policies and generators are refused where observations or actions differ; other differences are warned of.",
    "To start them the program needs the permission to run programs. An executable holds it, and gives it back at the start unless it is needed. From a checkout, run deno run -A main.ts in place of deno task udrlpg. Where single programs are permitted, permit sh too, as in --allow-run=python3,sh: it ends a program that stays when this one was killed.",
  ],
  files: [
    "A run folder holds:",
    [
      "  config.toml            all options; train --config on it repeats the run",
      "  metrics.jsonl          a JSON object per line: episodes, evaluations, ...",
      "  report.html            the same as a page of charts, renewed while it trains",
      "  events.out.tfevents.*  plots, the final curve and the options for TensorBoard",
      "  generator.safetensors  all that generate needs: weights, normaliser, origin",
      "  checkpoint/            all that train --resume needs",
      "  start.safetensors      the policies that it began with, of --from or distill",
    ],
    "A policy in ONNX takes `observation`, float32 [N, S], as the environment gives it, and puts out `action`: float32 [N, A] within the environment's bounds, or int64 [N] for discrete actions, then also `logits`. Normaliser, network and action scaling are inside. The safetensors and JSON forms hold the same numbers and metadata, and so does the C header, which needs nothing but a C compiler and tests itself.",
    "evaluate, rollout and play take ONNX policies of other programs, too, such as exports of Stable-Baselines3: one input of the observation's size and one output that is an action, or a number for each choice of which the largest counts, whatever they are called. They say what they take for what. Numbers are clipped to the bounds, and first scaled to them where the graph ends in tanh. Operators that this program does not write need --trust.",
    "`udrlpg inspect FILE` explains any of these files.",
  ],
  "exit-codes": [
    [
      "    0  done",
      "    1  internal error: please report it",
      "    2  wrong usage",
      "    3  a file is missing, damaged or not what it should be",
      "    4  training diverged: the last good checkpoint stays",
      "    5  the asked return cannot be reached within the tolerance; the closest",
      "       policy that was found is written",
      "  129  interrupted by SIGHUP (the terminal was closed), after saving",
      "  130  interrupted by SIGINT (Ctrl-C), after saving",
      "  143  interrupted by SIGTERM, after saving",
    ],
    "A second SIGINT or SIGTERM ends the program at once, without saving. nohup does not keep SIGHUP away: start a long run with setsid, tmux or a service, or go on with it by train --resume.",
  ],
  variables: [
    "An option --some-name that is not on the command line is read from UDRLPG_SOME_NAME: UDRLPG_ENV, UDRLPG_PRESET, UDRLPG_OUT, UDRLPG_STEPS. Switches such as UDRLPG_QUIET take true or false.",
    "Every option of a configuration has a variable too, its name in capitals with underscores: update.learningRate is UDRLPG_UPDATE_LEARNING_RATE, policy.hiddenSizes is UDRLPG_POLICY_HIDDEN_SIZES=32,32.",
    [
      "  NO_COLOR        no colours and no progress bar, when it is not empty",
      "  UDRLPG_DEBUG=1  internal errors print where they happened",
      "  UDRLPG_STOP_WITH_INPUT=1  a run saves and stops when its input ends,",
      "                  for programs that start it and may be killed",
    ],
  ],
};

function describeAlgorithm(name: (typeof ALGORITHM_NAMES)[number]): string[] {
  const { doc, answers } = ALGORITHMS[name];
  const what = answers === "any" ? "answers any return" : "one policy";
  return [
    `  ${name.padEnd(8)}${what}`,
    ...doc.match(/.{1,66}(?: |$)/g)!.map((line) => `          ${line.trim()}`),
  ];
}
