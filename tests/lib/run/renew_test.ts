import assert from "node:assert/strict";
import { join } from "node:path";
import { writeReport } from "../../../lib/report/report.ts";
import { ReportRenewer } from "../../../lib/run/renew.ts";
import { ManualClock, run } from "../../support/program.ts";
import { SMALL_RUN, writeRunFolder } from "../../support/run_records.ts";
import { trainTiny, withFolder } from "../../support/tiny_command.ts";

/** A clock on which every look takes half a second. */
class SlowClock extends ManualClock {
  override monotonicMs(): number {
    return this.now += 500;
  }
}

function runWith(evaluations: number) {
  return { history: { evaluations: { length: evaluations } } };
}

Deno.test("ReportRenewer writes after new evaluations, and pauses fifty times as long as it took", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: SMALL_RUN });
    const path = join(folder, "report.html");
    const clock = new SlowClock();
    const renewer = new ReportRenewer({ folder, clock, writeReport });
    const wrote = async (evaluations: number): Promise<boolean> => {
      await Deno.remove(path).catch(() => {});
      await renewer.whenDue(runWith(evaluations));
      return await Deno.stat(path).then(() => true, () => false);
    };
    assert.equal(await wrote(0), false, "nothing was evaluated");
    assert.equal(await wrote(1), true);
    assert.equal(await wrote(1), false, "nothing is new");
    assert.equal(await wrote(2), false, "too early: the report took 500 ms");
    clock.now += 25_000;
    assert.equal(await wrote(2), true);
    await Deno.remove(path);
    await renewer.now();
    assert.ok((await Deno.stat(path)).isFile, "always at the end");
  });
});

Deno.test("ReportRenewer warns when it cannot write, and the run goes on", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: SMALL_RUN });
    await Deno.mkdir(join(folder, "report.html"));
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    await new ReportRenewer({ folder, clock: new ManualClock(), writeReport, onWarning })
      .now();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /^Cannot write report ".*report.html": it is a folder$/);
  });
});

Deno.test("train leaves a report of the whole run", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "run");
    assert.equal((await trainTiny(out)).code, 0);
    const html = await Deno.readTextFile(join(out, "report.html"));
    assert.match(html, /finished/);
    assert.match(html, /id="chart-following"/);
    // Its commands are whole: they run as they stand there.
    const commands = [...html.matchAll(/<pre[^>]*>udrlpg ([^<]*)<\/pre>/g)].map(([, line]) => line);
    assert.equal(commands.length, 4);
    for (const line of commands) {
      const argv = line.split(" ");
      if (argv[0] === "play") argv.push("--out", join(folder, "play.html"));
      const { code, stderr } = await run([...argv, "--quiet"]);
      assert.equal(code, 0, `${line}: ${stderr}`);
    }
    const [first, again] = await Promise.all(
      [out, `${out}-again`].map((run) => Deno.readTextFile(join(run, "metrics.jsonl"))),
    );
    assert.equal(again, first);
  });
});
