// deno-lint-ignore-file no-console
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { suggestWords } from "../../../../lib/cli/commands/completion.ts";
import type { Program } from "../../../../lib/cli/program.ts";
import { registry } from "../../../../envs/registry.ts";
import { run } from "../../../support/program.ts";
import { withFolder } from "../../../support/tiny_command.ts";

const program = { registry: () => Promise.resolve(registry) } as Program;

async function suggest(...words: string[]): Promise<string[]> {
  const found = await suggestWords(words, program);
  return found.map((s) => s.kind === "literal" ? s.text : `<${s.type} ${s.extensions ?? ""}>`);
}

Deno.test("suggestWords() completes commands and global options", async () => {
  assert.deepEqual(await suggest("pre"), ["presets"]);
  assert.deepEqual(await suggest("--ver"), ["--version"]);
  assert.ok((await suggest("")).includes("train"));
  assert.deepEqual(await suggest("nonsense", ""), []);
});

Deno.test("suggestWords() completes environments, presets, choices and files", async () => {
  assert.deepEqual(await suggest("train", "--env", "CartP"), ["CartPole-v1"]);
  assert.deepEqual(await suggest("--json", "envs", "CartP"), ["CartPole-v1"]);
  assert.deepEqual(await suggest("train", "--preset", ""), ["default", "paper"]);
  assert.deepEqual(await suggest("train", "--env=CartP"), ["--env=CartPole-v1"]);
  assert.deepEqual(await suggest("train", "--device", "c"), ["cpu", "cuda"]);
  assert.deepEqual(await suggest("train", "--config", "x"), ["<file .toml>"]);
  assert.deepEqual(await suggest("train", "--thr"), ["--threads"]);
  assert.deepEqual(await suggest("train", "--set", "update.learn"), ["update.learningRate="]);
  assert.deepEqual(await suggest("train", "--set", "device=c"), ["device=cpu", "device=cuda"]);
  assert.deepEqual(await suggest("presets", "sh"), ["show"]);
  assert.deepEqual(await suggest("help", "exit"), ["exit-codes"]);
});

Deno.test("completion of an option's value offers no run folders, that of a word does", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/runs/one`, { recursive: true });
    await Deno.writeTextFile(`${folder}/runs/one/metrics.jsonl`, "");
    const root = fileURLToPath(new URL("../../../../", import.meta.url));
    const complete = async (...words: string[]) => {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--quiet", "--config", `${root}deno.json`, `${root}main.ts`],
          ...["completion", "fish", "--", ...words],
        ],
        cwd: folder,
      }).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      return lines.map((line) => line.split("\t")[0]);
    };
    assert.deepEqual(await complete("train", "--preset", ""), ["default", "paper"]);
    assert.ok((await complete("train", "")).includes("runs/one"));
  }));

Deno.test("completion refuses an unknown shell with the nearest one", async () => {
  assert.deepEqual(await run(["completion", "bsh"]), {
    code: 2,
    stdout: "",
    stderr:
      'Cannot use argument SHELL: must be one of bash, zsh, fish, powershell, got "bsh": did you mean "bash"?\n',
  });
  assert.match(
    (await run(["completion", "zhs", "--", "train", ""])).stderr,
    /did you mean "zsh"\?$/m,
  );
  assert.match((await run(["completion"])).stderr, /a shell must follow, got none: one of bash/);
});

Deno.test("completion prints a script for each shell", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout } = await run(["completion", shell]);
    assert.equal(code, 0);
    assert.ok(stdout.includes("udrlpg") && stdout.includes(shell), shell);
  }
});

/** What a shell prints when the first three things a user would complete are completed in it. */
const SHELLS: Record<string, { readonly args: readonly string[]; readonly script: string }> = {
  bash: {
    args: ["--norc", "--noprofile", "-c"],
    script: `source ./script
complete_words() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
  _udrlpg; printf '%s\\n' "\${COMPREPLY[@]}"
}
complete_words udrlpg train --env CartP
complete_words udrlpg train --preset pap
complete_words udrlpg train --set update.learn
complete_words udrlpg generate --run runs/a`,
  },
  fish: {
    args: ["--no-config", "-c"],
    script: `source ./script
complete -C 'udrlpg train --env CartP'
complete -C 'udrlpg train --preset pap'
complete -C 'udrlpg train --set update.learn'
complete -C 'udrlpg generate --run runs/a'`,
  },
  zsh: {
    args: ["-f", "-c"],
    // zsh completes in its line editor alone, so an inner one is driven through a pseudo-terminal.
    script: `zmodload zsh/zpty
zpty inner zsh -f -i
await() { local part; zpty -r -m inner part "*$1*"; print -r -- "$part" }
zpty -w inner 'autoload -U compinit; compinit -u -D; source ./script; print REA""DY'
await READY
for line in 'udrlpg train --env CartP' 'udrlpg train --preset pap' 'udrlpg train --set update.learn' 'udrlpg generate --run runs/a'; do
  zpty -n -w inner "$line"$'\\t'
  case $line in
    *CartP) await CartPole-v1 ;;
    *pap) await paper ;;
    *learn) await learningRate ;;
    *) await runs/alpha ;;
  esac
  zpty -n -w inner $'\\x15'
done`,
  },
};

/** A shell that waits for a completion that does not come is ended after this long. */
const TIMEOUT_MS = 20_000;

async function shellOutput(shell: string): Promise<string | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/runs/alpha`, { recursive: true });
    await Deno.writeTextFile(`${folder}/runs/alpha/metrics.jsonl`, "");
    const main = new URL("../../../../main.ts", import.meta.url).pathname;
    const program = `#!/bin/sh\nexec "${Deno.execPath()}" run --allow-read ` +
      `"--allow-env=UDRLPG_*,NO_COLOR" "${main}" "$@"\n`;
    await Deno.writeTextFile(`${folder}/udrlpg`, program, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/script`, (await run(["completion", shell])).stdout);
    const { args, script } = SHELLS[shell];
    const { stdout, stderr } = await new Deno.Command(shell, {
      args: [...args, script],
      cwd: folder,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      env: { PATH: `${folder}:${Deno.env.get("PATH")}`, HOME: folder, TERM: "dumb" },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const shell of Object.keys(SHELLS)) {
  Deno.test(`completion works in ${shell}, where it is installed`, async () => {
    const output = await shellOutput(shell);
    if (output === undefined) {
      console.info(`${shell} is not installed: its completion was not tried`);
      return;
    }
    for (const word of ["CartPole-v1", "paper", "update.learningRate", "runs/alpha"]) {
      assert.ok(output.includes(word), `${word} is missing: ${output}`);
    }
  });
}
