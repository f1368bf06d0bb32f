/** What people see while commands work: phases by name, each with what there is to do of it. */

import assert from "node:assert/strict";
import { CapturedStream, ManualClock, run } from "../../support/program.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

/** A clock that goes on whenever somebody looks at it, so that every state is drawn. */
class BusyClock extends ManualClock {
  override monotonicMs(): number {
    return this.now += 150;
  }
}

/** Runs a command on a terminal; gives the progress lines that it drew. */
async function drawn(...argv: string[]): Promise<string[]> {
  const stderr = new CapturedStream({ isTerminal: true, columns: 200 });
  const { code } = await run(argv, { clock: new BusyClock(), parts: { stderr } });
  assert.equal(code, 0, stderr.text);
  return stderr.text.split(/\r|\n/).filter((line) => line.startsWith("["));
}

/** Lists phases in the order in which they came, with the first and the last of their counts. */
function phasesOf(lines: readonly string[]): string[] {
  const seen = new Map<string, string[]>();
  for (const line of lines) {
    const [, phase, done, total] = line.match(/ {2}([a-z-]+) (\d+) of (\d+)/) ?? [line];
    seen.set(phase, [...(seen.get(phase) ?? []), `${done}/${total}`]);
  }
  return [...seen].map(([phase, counts]) => `${phase} ${counts[0]} ${counts.at(-1)}`);
}

/** The shares that bars stood at; they never go back. */
function assertRising(lines: readonly string[]): void {
  const shares = lines.map((line) => Number(line.match(/(\d+)%/)![1]));
  assert.deepEqual(shares, [...shares].sort((a, b) => a - b));
}

Deno.test("generate, curve and verify tell what they are doing, and how much of it", () =>
  withFolder(async (folder) => {
    const out = `${folder}/run`;
    assert.equal((await trainTiny(out)).code, 0);
    const policy = `${folder}/p.onnx`;

    const measured = await drawn(
      "generate",
      out,
      "--return",
      "best",
      "--verify",
      "3",
      "--out",
      policy,
    );
    assert.deepEqual(phasesOf(measured), ["measuring 1/3 3/3"]);

    const within = ["--tolerance", "100%", "--verify", "3", "--out", policy];
    const searched = await drawn("generate", out, "--return", "50%", ...within);
    assert.match(
      phasesOf(searched).join(", "),
      /^searching 1\/300 \d+\/300, proving 1\/(\d+) \1\/\1$/,
    );
    assertRising(searched);
    const searching = searched.filter((line) => line.includes("searching"));
    assert.ok(
      searching.every((line) => !line.includes(" left")),
      "nobody knows when a search ends",
    );

    const ladder = await drawn(
      "generate",
      out,
      "--count",
      "4",
      "--verify",
      "2",
      "--out",
      `${folder}/l`,
    );
    assert.deepEqual(phasesOf(ladder), ["measuring 1/2 2/2"]);
    assertRising(ladder);
    assert.match(ladder.at(-1)!, / 100% .*policy 4\/4/);
    // Three policies of four are done: a quarter of the time is left.
    assert.ok(ladder.some((line) => / 75% .* left/.test(line)), ladder.join("\n"));

    const curve = await drawn("curve", out, "--points", "3", "--episodes", "2");
    assert.deepEqual(phasesOf(curve), ["measuring 1/6 6/6"]);
    assert.match(curve.at(-1)!, /asked .* got /);

    const verified = await drawn("verify", out, "--cycles", "3");
    assert.match(
      phasesOf(verified).join(", "),
      /^warm-up 2\/(\d+) \d+\/\1, replaying \d+\/\1 \d+\/\1$/,
    );
    assertRising(verified);
    assert.match(verified.at(-1)!, / (9\d|100)% .* cycle 3\/3/);
  }));
