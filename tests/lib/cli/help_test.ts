import assert from "node:assert/strict";
import { commandEntry, commandNames } from "../../../lib/cli/commands.ts";
import { parseArguments } from "../../../lib/cli/arguments.ts";
import { wrap } from "../../../lib/cli/help.ts";
import { TOPIC_PURPOSES } from "../../../lib/cli/topic_names.ts";
import { splitLine } from "../../../lib/system/words.ts";
import { registry } from "../../../envs/registry.ts";
import { run } from "../../support/program.ts";
import { assertSnapshot } from "../../support/snapshot.ts";

const names = { environments: registry.ids };

Deno.test("help pages are what they were when somebody last looked at them", async () => {
  const pages: string[] = [];
  for (const name of ["", ...commandNames()]) {
    const argv = name === "" ? ["--help"] : [name, "--help"];
    const { code, stdout, stderr } = await run(argv);
    assert.deepEqual([code, stderr], [0, ""]);
    pages.push(`==== udrlpg ${argv.join(" ")}\n${stdout}`);
  }
  await assertSnapshot(import.meta.url, "help_pages.txt", pages.join("\n"));
});

Deno.test("help pages fit into the terminal", async () => {
  for (const columns of [40, 80, 200]) {
    for (const argv of [["--help"], ...commandNames().map((name) => [name, "--help"])]) {
      const { stdout } = await run(argv, { columns });
      for (const line of stdout.split("\n")) {
        // A command line in an example must not be broken, and a word longer than the page cannot be.
        if (/^ {2}(udrlpg|#)/.test(line) || !line.trim().includes(" ")) continue;
        assert.ok(
          line.length <= Math.min(columns, 100),
          `${argv}: ${line.length} columns: ${line}`,
        );
      }
    }
  }
});

Deno.test("every example in the help can be parsed", async () => {
  let count = 0;
  for (const name of commandNames()) {
    const command = await commandEntry(name).load();
    assert.ok(command.examples.length >= 3, name);
    for (const { command: line, does } of command.examples) {
      const words = splitLine(line.split(/ [>|] /)[0]);
      assert.equal(words.shift(), "udrlpg", line);
      const [word, ...argv] = words;
      assert.ok(word === name || commandEntry(name).aliases?.includes(word), line);
      parseArguments(command, argv, { name, names, env: () => undefined });
      assert.ok(does.length > 0);
      count++;
    }
  }
  assert.ok(count >= 15);
});

Deno.test("help explains every topic within 80 columns", async () => {
  for (const topic of Object.keys(TOPIC_PURPOSES)) {
    const { code, stdout } = await run(["help", topic]);
    assert.equal(code, 0);
    assert.ok(stdout.length > 300, topic);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, `${topic}: ${line}`);
  }
});

Deno.test("help refuses an unknown topic with the nearest one", async () => {
  const { code, stderr } = await run(["help", "methd"]);
  assert.equal(code, 2);
  assert.equal(stderr, 'Cannot explain: unknown topic, got "methd": did you mean "method"?\n');
});

Deno.test("wrap() breaks at spaces alone", () => {
  assert.deepEqual(wrap("aa bb cc", 5), ["aa bb", "cc"]);
  assert.deepEqual(wrap("longword b", 4), ["longword", "b"]);
  assert.deepEqual(wrap("", 4), [""]);
});
