import assert from "node:assert/strict";
import { commandNames } from "../../../../lib/cli/commands.ts";
import { escapeRoff } from "../../../../lib/cli/commands/man.ts";
import { run } from "../../../support/program.ts";

Deno.test("escapeRoff() leaves nothing that roff would act on", () => {
  assert.equal(escapeRoff(".a -b \\c\n'd"), "\\&.a \\-b \\ec\n\\&'d");
});

Deno.test("man describes the program and each command", async () => {
  const { stdout } = await run(["man"]);
  assert.match(stdout, /^\.TH UDRLPG 1 "" "udrlpg 1\.2\.3"\n\.SH NAME\n/);
  for (const name of commandNames()) {
    assert.ok(stdout.includes(`.B ${name}\n`), name);
    const page = await run(["man", name]);
    assert.equal(page.code, 0);
    assert.ok(page.stdout.startsWith(`.TH UDRLPG\\-${name.toUpperCase()} 1 `), page.stdout);
    assert.ok(page.stdout.includes(".SH EXAMPLES"), name);
    assert.ok(page.stdout.includes("\\-\\-json"), name);
  }
});

Deno.test("man refuses an unknown command", async () => {
  assert.deepEqual(await run(["man", "evns"]), {
    code: 2,
    stdout: "",
    stderr: 'Cannot print a manual page: unknown command, got "evns": did you mean "envs"?\n',
  });
});
