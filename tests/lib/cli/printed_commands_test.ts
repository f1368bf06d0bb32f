/** Every command that the program prints does what it says when it is pasted, whatever folders are called. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InterruptedError } from "../../../lib/system/errors.ts";
import { ownLine } from "../../../lib/system/words.ts";
import { run } from "../../support/program.ts";
import { isInstalled } from "../../support/sweep_folder.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

const ODD = "a run [1] $(exit 9) `exit 9` 'q\" & ; * ~ !x";

/** The words that a shell makes of a line which calls the program. */
async function paste(line: string, shell = "sh"): Promise<string[]> {
  const script = `udrlpg() { for word; do printf '%s\\0' "$word"; done; }\n${line}`;
  const { success, stdout } = await new Deno.Command(shell, { args: ["-c", script] }).output();
  assert.ok(success, line);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

async function ok(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

function nextOf(text: string): string {
  return /^Next: (.*)$/m.exec(text)![1];
}

Deno.test("train, generate and evaluate lead to each other by what they print", () =>
  withFolder(async (folder) => {
    const out = join(folder, ODD);
    const trained = await trainTiny(out);
    assert.equal(trained.code, 0, trained.stderr);
    const generated = await ok(await paste(nextOf(trained.stdout)));
    const evaluated = await ok(await paste(nextOf(generated)));
    assert.match(evaluated, /^Policy +.*policy-[\d.]+\.onnx$/m);
  }));

Deno.test("a report's commands name its folder, whatever it is called", () =>
  withFolder(async (folder) => {
    const out = join(folder, ODD);
    assert.equal((await trainTiny(out)).code, 0);
    const html = await Deno.readTextFile(join(out, "report.html"));
    const unescaped = html.replaceAll("&#39;", "'").replaceAll("&quot;", '"')
      .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
    const lines = [...unescaped.matchAll(/<pre[^>]*>(udrlpg [^]*?)<\/pre>/g)].map(([, line]) =>
      line
    );
    assert.equal(lines.length, 4);
    for (const line of lines) {
      const words = await paste(line);
      assert.ok(words.some((word) => word.startsWith(out)), line);
    }
  }));

Deno.test("a stopped run says how it goes on", () =>
  withFolder(async (folder) => {
    const out = join(folder, ODD);
    const signal = AbortSignal.abort(new InterruptedError("Interrupted by SIGINT", "SIGINT"));
    const { code, stderr } = await trainTiny(out, [], { signal });
    assert.equal(code, 130);
    const words = await paste(/go on with (udrlpg .*)$/m.exec(stderr)![1]);
    assert.deepEqual(words, ["train", "--resume", "--out", out]);
  }));

Deno.test("a small return is asked for as it was reached", async () => {
  const line = ownLine("generate", "--run", "r", "--return", "5e-7");
  assert.deepEqual((await paste(line)).slice(-2), ["--return", "5e-7"]);
});

Deno.test("ownLine() writes control characters as escapes that a shell reads back", async () => {
  const word = "line\nfeed \x1b[31m 'quote' \\ ä";
  const line = ownLine("report", word);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
  if (await isInstalled("bash")) assert.deepEqual(await paste(line, "bash"), ["report", word]);
});
