import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { withFolder } from "./support/tiny_command.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** The flags with which `deno task udrlpg` runs the program. */
const FLAGS = project.tasks.udrlpg.split(" ").slice(2, -1).map((flag) => flag.replaceAll("'", ""));

function start(argv: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...FLAGS, `${ROOT}main.ts`, ...argv],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function finish(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("the task's permissions are a list and hold neither network nor subprocesses", () => {
  assert.ok(FLAGS.includes("--no-prompt"));
  for (const flag of FLAGS) assert.doesNotMatch(flag, /^(-A|--allow-(all|net|run|sys|env))$/);
});

Deno.test("the program works with the task's permissions alone", async () => {
  const { code, stdout, stderr } = await finish(start(["doctor", "--seconds", "0", "--json"]));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(JSON.parse(stdout).ok, true);
});

Deno.test("the program exits with the code of its error and one line", async () => {
  const result = await finish(start(["evns"]));
  assert.deepEqual(result, {
    code: 2,
    stdout: "",
    stderr: 'Cannot run udrlpg: unknown command, got "evns": did you mean "envs"?\n',
  });
});

const TRAIN = ["train", "--env", "CartPole-v1", "--threads", "1"];
const SMALL = [
  "update.perCycle=1",
  "consolidation.updates=2",
  "generator.hiddenSizes=8",
  "calibration.budgetShare=0.05",
  // Its generator is too small to learn, and other policies would compete, which is said.
  "policy.skip=none",
]
  .flatMap((assignment) => ["--set", assignment]);

for (const [signal, expected] of [["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test({
    name: `${signal} saves the run, and --resume finishes it`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withFolder(async (folder) => {
        const out = `${folder}/run`;
        const child = start([...TRAIN, ...SMALL, "--steps", "20000", "--quiet", "--out", out]);
        while (!hasEpisodes(`${out}/metrics.jsonl`)) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        child.kill(signal);
        const { code, stdout, stderr } = await finish(child);
        assert.deepEqual([code, stdout], [expected, ""]);
        const message = `^Interrupted by ${signal} after \\d+ steps, which are saved: go on with `;
        assert.match(stderr, new RegExp(message));
        const resumed = await finish(start(["train", "--resume", "--out", out]));
        assert.deepEqual([resumed.code, resumed.stderr], [0, ""]);
        assert.ok((await Deno.stat(`${out}/generator.safetensors`)).size > 0);
      }),
  });
}

Deno.test("training goes on to its end when nobody reads its words any more", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/run`;
    const child = start([...TRAIN, ...SMALL, "--steps", "5000", "--out", out]);
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    assert.equal((await child.status).code, 0);
    assert.ok((await Deno.stat(`${out}/generator.safetensors`)).size > 0);
  });
});

function hasEpisodes(metrics: string): boolean {
  try {
    return Deno.readTextFileSync(metrics).split("\n").length > 20;
  } catch {
    return false;
  }
}

interface ModuleGraph {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}

Deno.test("main.ts loads no package and few modules before it knows the command", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `${ROOT}main.ts`],
  }).output();
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const bySpecifier = new Map(graph.modules.map((module) => [module.specifier, module]));
  const loaded = new Set(graph.roots);
  for (const specifier of loaded) {
    for (const { isDynamic, code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code) loaded.add(code.specifier);
    }
  }
  const names = [...loaded].map((specifier) => specifier.replace(/^.*\/(?=lib\/)/, ""));
  assert.deepEqual(names.filter((name) => name.startsWith("npm:")), []);
  assert.ok(names.includes("lib/cli/commands.ts") && names.length <= 12, names.join("\n"));
});
