// deno-lint-ignore-file no-console
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { registry } from "../envs/registry.ts";
import { parseArguments } from "../lib/cli/arguments.ts";
import { commandEntry, findCommand } from "../lib/cli/commands.ts";
import { splitLine } from "../lib/system/words.ts";
import { run } from "./support/program.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README = Deno.readTextFileSync(join(ROOT, "README.md"));

/** The command lines in the README's code blocks that call the program, without prompt and comment. */
function listCommands(text: string): string[] {
  const blocks = [...text.matchAll(/^```(?:sh|console)\n([^]*?)^```/gm)].map(([, body]) => body);
  return blocks.flatMap((body) => body.split("\n"))
    .map((line) => line.replace(/^\$ /, "").replace(/ +#.*$/, ""))
    .map((line) => line.replace(/^deno run -A main\.ts /, "udrlpg "))
    .filter((line) => line.startsWith("udrlpg "));
}

async function parse(line: string): Promise<void> {
  const [, word, ...argv] = splitLine(line.split(/ [>|] /)[0]);
  const name = findCommand(word);
  assert.ok(name, line);
  const names = { environments: registry.ids };
  parseArguments(await commandEntry(name).load(), argv, { name, names, env: () => undefined });
}

const MAX_LINES = 150;
const MAX_PICTURE_BYTES = 100_000;

Deno.test("the README is read in five minutes, and its picture is one of the program's", () => {
  const lines = README.trimEnd().split("\n").length;
  assert.ok(lines <= MAX_LINES, `${lines}`);
  const [path, ...others] = [...README.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path);
  assert.deepEqual(others, []);
  const picture = Deno.readTextFileSync(join(ROOT, path));
  assert.ok(picture.length < MAX_PICTURE_BYTES);
  assert.match(picture, /^<svg [^]*CartPole-v1: requested and achieved returns/);
});

Deno.test("every command in the README can be parsed, and a misspelt one cannot", async () => {
  const commands = listCommands(README);
  assert.ok(commands.length >= 8, `${commands.length}`);
  for (const line of commands) await parse(line);
  await assert.rejects(parse("udrlpg generate --run runs/cartpole --retrun 250"));
});

Deno.test("the README's session does what the README shows", async () => {
  const session = /^```console\n([^]*?)^```/m.exec(README)![1];
  const commands = session.split("\n").filter((line) => line.startsWith("$ udrlpg "));
  assert.equal(commands.length, 2);
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));
  const flags = [...tasks.udrlpg.matchAll(/'(--[^']*)'|(--\S+)/g)].map(([, a, b]) => a ?? b);
  const folder = await Deno.makeTempDir();
  try {
    const outputs: string[] = [];
    for (const line of commands) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--config",
          join(ROOT, "deno.json"),
          ...flags,
          join(ROOT, "main.ts"),
          ...line.slice("$ udrlpg ".length).split(" "),
          "--quiet",
        ],
        cwd: folder,
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      outputs.push(new TextDecoder().decode(stdout));
    }
    // Numbers may differ in the last digits from machine to machine; the words and the promise may not.
    const wordsOf = (text: string) => text.replaceAll(/[-+]?\d[\d.]*/g, "N");
    const shown = session.split(/^\$ .*\n/m).slice(1).map((text) => text.trim().split("\n"));
    outputs.forEach((output, i) => {
      const labels = output.trim().split("\n").map((row) => wordsOf(row).split(/ {2,}/)[0]);
      assert.deepEqual(labels, shown[i].map((row) => wordsOf(row).split(/ {2,}/)[0]));
    });
    const measured = Number(/Measured return +([\d.]+)/.exec(outputs[1])![1]);
    assert.ok(Math.abs(measured - 140) <= 15, `${measured}`);
    await checkPythonExample(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs the README's Python beside the session's run, where Python has what it imports. */
async function checkPythonExample(folder: string): Promise<void> {
  const source = blockWith("onnxruntime");
  const python = async (code: string) =>
    await new Deno.Command("python3", { args: ["-c", code], cwd: folder }).output();
  if (!await hasPython() || !(await python("import gymnasium, onnxruntime")).success) {
    return console.info("Python has no gymnasium and onnxruntime: its example was not tried");
  }
  const { code } = await run(["export", join(folder, "runs/cartpole")]);
  assert.equal(code, 0);
  const { stdout, stderr } = await python(source);
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split(" "));
  assert.deepEqual(
    lines.map(([wanted]) => wanted),
    ["50", "140", "500"],
    `${new TextDecoder().decode(stderr)}`,
  );
  const totals = lines.map(([, total]) => Number(total));
  assert.ok(totals[0] < 120 && totals[1] > 100 && totals[1] < 250 && totals[2] > 400, `${totals}`);
}

/** The README's block of Python that holds a word. */
function blockWith(word: string): string {
  const blocks = [...README.matchAll(/^```python\n([^]*?)^```/gm)].map(([, body]) => body);
  const found = blocks.find((body) => body.includes(word));
  assert.ok(found, word);
  return found;
}

Deno.test("the README's environment of one's own is one that the program plays", async () => {
  if (!await hasPython()) return console.info("There is no Python: point.py was not tried");
  const folder = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(join(folder, "point.py"), blockWith("describe"));
    const words = ["--env-command", `python3 ${join(folder, "point.py")}`];
    const { code, stdout, stderr } = await run(["rollout", ...words, "--random", "--json"]);
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const { t, terminated, truncated } = lines.at(-1);
    assert.ok(t <= 50 && (terminated || truncated), `${t}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
