/** Pages: their own numbers, hostile folders, no network; in a browser where there is one. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Chart } from "../../../lib/report/chart.ts";
import { readPageData } from "../../../lib/report/html.ts";
import { writeComparison, writeReport } from "../../../lib/report/report.ts";
import { InterruptedError } from "../../../lib/system/errors.ts";
import { addressesIn, findBrowser, openPage } from "../../support/browser.ts";
import { run } from "../../support/program.ts";
import { readPng } from "../../support/read_png.ts";
import { cartPoleConfig, SMALL_RUN, writeRunFolder } from "../../support/run_records.ts";
import { withFolder } from "../../support/tiny_command.ts";

interface PageData {
  readonly charts: readonly Chart[];
}

async function reportOf(folder: string): Promise<{ html: string; charts: readonly Chart[] }> {
  await writeReport(folder);
  const html = await Deno.readTextFile(join(folder, "report.html"));
  return { html, charts: (readPageData(html) as PageData).charts };
}

function seriesOf(charts: readonly Chart[], id: string) {
  const chart = charts.find((one) => one.id === id);
  assert.ok(chart?.kind === "lines", id);
  return chart.series;
}

Deno.test("addressesIn() finds what a browser would ask a network for", () => {
  const page = '<img src="a.png"> url(https://example.org/x) <a href=\'b\'> "wss://c"';
  assert.equal(addressesIn(page).length, 4);
  assert.deepEqual(addressesIn('<p class="x">http</p>'), []);
});

Deno.test("writeReport() shows the numbers of the metrics and asks no network", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: SMALL_RUN });
    const { html, charts } = await reportOf(folder);
    assert.deepEqual(addressesIn(html), []);
    assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
    assert.match(html, /<body>\n<main>\n/); // axe: all content lies in one main landmark
    const [episodes, best, end] = seriesOf(charts, "chart-learning");
    assert.deepEqual([end.x, end.y], [[100], [95]]);
    assert.deepEqual([episodes.x, episodes.y], [[20, 60], [20, 40]]);
    assert.deepEqual([best.x, best.y, best.low, best.high], [
      [60, 100],
      [30, 90],
      [24, 84],
      [36, 96],
    ]);
    // Commands stand for returns 0 to 500: 0.2 is 100. Points come by rising command.
    const [sweep, final] = seriesOf(charts, "chart-following");
    assert.deepEqual([sweep.x, sweep.y], [[0, 100], [10, 80]]);
    assert.equal(final.label, "after training");
    assert.deepEqual(seriesOf(charts, "chart-loss")[0].y, [0.5, 0.25]);
    const heat = charts.find(({ id }) => id === "chart-occupancy");
    assert.ok(heat?.kind === "heat");
    // 40 bins over 0 to 500.
    assert.deepEqual([heat.steps, heat.low, heat.width], [[60, 100], 0, 12.5]);
    assert.deepEqual(heat.counts, [[1, 0, 0, 1], [1, 0, 0, 1, 0, 2]]);
    assert.match(html, /<b>95<\/b>/);
    assert.match(
      html,
      /calibration<\/span><i style="width:33.3%"><\/i><span class="value">300 steps/,
    );
    const path = join(folder, "config.toml");
    assert.ok(html.includes(`udrlpg train --config ${path} --out ${folder}-again`));
    assert.ok(html.includes(`udrlpg train --resume --out ${folder}`));
  });
});

Deno.test("writeReport() shows how requests were met, the last fit and phases, and says so without a picture", async () => {
  await withFolder(async (folder) => {
    const fit = [20, 24, 28].map((updates) => ({ kind: "update", step: 60, updates, loss: 0.1 }));
    const asked = [[10, 12], [30, 31], [60, 80]].map(([requested, mean]) => (
      { requested, command: 0, mean, std: 2, n: 5 }
    ));
    const final = { kind: "curve", step: 60, final: true, points: [], asked };
    const rollout = { kind: "episode", step: 60, return: 40, length: 1 };
    await writeRunFolder(folder, { records: [...SMALL_RUN, rollout, ...fit, final] });
    const { html, charts } = await reportOf(folder);
    // Training met 20 and 40: no return within 12.5 of 60, half of the distance between requests.
    const [met, never] = seriesOf(charts, "chart-following");
    assert.deepEqual([met.x, met.y, never.x, never.y], [[10, 30], [12, 31], [60], [80]]);
    assert.ok(met.whiskers && never.hollow);
    assert.deepEqual(seriesOf(charts, "chart-fit")[0].x, [20, 24, 28]);
    assert.deepEqual(seriesOf(charts, "chart-loss")[0].y, [0.5, 0.25]);
    assert.ok(charts.some(({ id }) => id === "chart-raw"), "raw commands are a detail");
    const learning = charts.find(({ id }) => id === "chart-learning");
    assert.ok(learning?.kind === "lines");
    assert.deepEqual(learning.marks, [{ x: 20, label: "warm-up ends" }]);
    assert.match(
      html,
      /role="img" tabindex="0" aria-label="Learning: [^"]*best command from 30 to 90/,
    );
    assert.equal(html.match(/<summary>Numbers/g)!.length, charts.length);
  });
});

Deno.test("writeReport() shows a run that has only begun", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: [] });
    const { html, charts } = await reportOf(folder);
    assert.deepEqual(charts, []);
    assert.match(html, /No episode was recorded yet/);
    assert.match(html, /0 % of 1,000 steps/);
    await Deno.remove(join(folder, "metrics.jsonl"));
    assert.deepEqual((await reportOf(folder)).charts, []);
  });
});

Deno.test("report writes the learning curve of one run as a picture with words", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: SMALL_RUN });
    const out = join(folder, "learning.svg");
    const { code, stdout } = await run(["report", folder, "--out", out]);
    assert.deepEqual([code, stdout], [0, `Report  ${out}\n`]);
    const svg = Deno.readTextFileSync(out);
    assert.match(svg, /<title>CartPole-v1, seed \d+: learning<\/title>\n<desc>Return of the best /);
    assert.ok(svg.includes("prefers-color-scheme: dark") && !svg.includes("NaN"));
    // Steps 20 to 100 from x = 70 to 620, returns 20 to 95 or their bands' ends from bottom to top.
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="3" stroke="#1f77b4"/g)];
    assert.deepEqual(dots.map(([, x]) => Number(x)), [345, 620]);
    assert.ok(Number(dots[0][2]) > Number(dots[1][2]), "a higher return stands higher");
    for (const argv of [[folder, "--watch", "--out", out], [folder, "--out", "a.pdf"]]) {
      assert.equal((await run(["report", ...argv])).code, 2);
    }
    const webp = await run(["report", folder, "--out", "a.webp"]);
    assert.match(webp.stderr, /\.png, got "a\.webp": write an \.svg, which other programs convert/);
    // A dot in the colours of a light page and of a dark one.
    for (
      const [ending, color] of [[".png", [31, 119, 180]], [".dark.png", [106, 165, 255]]] as const
    ) {
      const picture = join(folder, `learning${ending}`);
      assert.equal((await run(["report", folder, "--out", picture])).code, 0);
      const { at, words } = readPng(Deno.readFileSync(picture));
      assert.match(words.get("Title")!, /^CartPole-v1, seed \d+: learning$/);
      const [, dot] = dots.map(([, x, y]) => [2 * Number(x), Math.round(2 * Number(y))]);
      assert.deepEqual(at(dot[0] - 1, dot[1]), color);
    }
    Deno.writeTextFileSync(join(folder, "metrics.jsonl"), "");
    const empty = await run(["report", folder, "--out", out]);
    assert.equal(empty.code, 3);
    assert.match(empty.stderr, /^Cannot draw run ".*": no episode was recorded yet\.?\n$/);
  });
});

Deno.test("writeReport() lets nothing of a hostile folder act in the page", async () => {
  await withFolder(async (parent) => {
    const folder = join(parent, "a'; <img src=x onerror=alert(1)> $(touch x)");
    const evil = '</script><script>alert("x")</script>';
    await writeRunFolder(folder, {
      config: cartPoleConfig({ env: evil }),
      records: [
        { kind: "run", step: 0, version: evil },
        { kind: evil, step: 1 },
        { kind: "evaluation", step: 5, mean: 1, ci95: "wide", simulated: { [evil]: 5 }, n: -3 },
        { kind: "evaluation", step: 4, mean: 2, ci95: { length: 2 }, occupancy: [evil, 1, null] },
        { kind: "evaluation", step: 1e308, mean: "5" },
        { kind: "curve", step: 3, points: [null, 4, { command: evil, mean: 1 }, { mean: 1 }] },
        { kind: "curve", step: 3, points: { 0: 1 } },
        { kind: "episode", step: 2, return: { toString: 1 } },
        { kind: "update", step: 2, loss: 1e400, __proto__: null },
        "not json",
        '{"kind":"episode","step":7,"return":3,"__proto__":{"step":9}}',
      ],
    });
    const { html, charts } = await reportOf(folder);
    assert.ok(!html.includes("<img") && !html.includes('alert("x")'));
    // The library, the charts and the data block: no more scripts than pages of ours have.
    assert.equal(html.match(/<script/g)!.length, 3);
    assert.equal(html.match(/<\/script/g)!.length, 3);
    const [best, ...others] = seriesOf(charts, "chart-learning");
    assert.deepEqual(others, []);
    assert.deepEqual([best.x, best.y, best.low], [[4, 5], [2, 1], undefined]);
    // A shell reads the folder's name as one word.
    const quoted = `'${folder.replaceAll("'", "'\\''")}'`;
    const shown = quoted.replaceAll("'", "&#39;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    assert.ok(html.includes(`--resume --out ${shown}`));
  });
});

Deno.test("report lets nothing of a hostile folder act on the terminal", async () => {
  await withFolder(async (folder) => {
    const config = cartPoleConfig({ env: "\u001b[2J\u009b31m" });
    await writeRunFolder(join(folder, "a"), { config, records: SMALL_RUN });
    const argv = ["report", join(folder, "a"), join(folder, "a"), "--out", join(folder, "b.html")];
    const { code, stdout, stderr } = await run(argv);
    assert.deepEqual([code, stderr], [0, ""]);
    // deno-lint-ignore no-control-regex
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stdout));
  });
});

Deno.test("writeReport() stays small however long the run was", async () => {
  await withFolder(async (folder) => {
    const records = Array.from({ length: 20_000 }, (_, i) => [
      { kind: "episode", step: i, episode: i + 1, return: i % 7 },
      { kind: "update", step: i, updates: i, loss: 1 / (i + 1) },
      { kind: "evaluation", step: i, mean: 1, n: 1, ci95: [null, null], occupancy: [i] },
    ]).flat();
    await writeRunFolder(folder, { records });
    const { html, charts } = await reportOf(folder);
    assert.ok(html.length < 250_000, `${html.length} characters`);
    for (const { x } of seriesOf(charts, "chart-learning")) assert.ok(x.length <= 800);
  });
});

Deno.test("report compares runs by configuration and refuses what is no run", async () => {
  await withFolder(async (folder) => {
    const runs: string[] = [];
    for (const [seed, batchSize] of [[1, 8], [2, 8], [1, 16]]) {
      const path = join(folder, `run${runs.length}`);
      const config = cartPoleConfig({ seed, "update.batchSize": batchSize });
      const records = SMALL_RUN.map((record) => ({ ...record as object }));
      (records.at(-1) as { mean: number }).mean = 90 + 10 * seed;
      await writeRunFolder(path, { config, records });
      runs.push(path);
    }
    const out = join(folder, "all.html");
    const { code, stdout, stderr } = await run(["report", ...runs, "--out", out, "--json"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const { groups } = JSON.parse(stdout);
    assert.deepEqual(groups.map((group: { configuration: string }) => group.configuration), [
      "batchSize 8",
      "batchSize 16",
    ]);
    // 100 and 110: too few for an interval.
    assert.equal(groups[0].return.mean, 105);
    assert.deepEqual([groups[0].return.low, groups[0].return.high], [null, null]);
    const html = await Deno.readTextFile(out);
    assert.deepEqual(addressesIn(html), []);
    const { charts } = readPageData(html) as PageData;
    assert.equal(seriesOf(charts, "chart-learning-0").length, 2);
    const odd = await run(["report", folder, "--out", join(folder, "all.gif")]);
    assert.equal(odd.code, 2);
    assert.match(
      odd.stderr,
      /^Cannot report: the file must end in \.html, \.svg, \.dark\.png, \.png, got ".*all\.gif"$/m,
    );
    // A folder that holds runs stands for them.
    const again = await run(["report", folder, "--out", out, "--json"]);
    assert.equal(again.stdout, stdout);
    for (
      const [argv, status] of [[["report"], 2], [["report", join(folder, "none")], 3]] as const
    ) {
      const refused = await run(argv);
      assert.deepEqual([refused.code, refused.stdout], [status, ""]);
      assert.match(refused.stderr, /^Cannot (report|read)/);
    }
  });
});

Deno.test("report of a folder of runs is an index in it, which leads to the page of each run", async () => {
  await withFolder(async (folder) => {
    const names = ["javascript:alert(1)", "a & b%2f#", "unreported"];
    for (const [i, name] of names.entries()) {
      await writeRunFolder(join(folder, name), {
        config: cartPoleConfig({ seed: i }),
        records: SMALL_RUN,
      });
      if (i < 2) await writeReport(join(folder, name));
    }
    const { code, stdout } = await run(["report", folder]);
    const page = join(folder, "report.html");
    assert.equal(code, 0);
    assert.ok(stdout.endsWith(`Report  ${page}\n`), stdout);
    const html = Deno.readTextFileSync(page);
    const links = [...html.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)];
    // A name is neither a scheme nor a place within a page, and a run without a page is only named.
    assert.deepEqual(links.map(([, href]) => href), [
      "./a%20%26%20b%252f%23/report.html",
      "./javascript%3Aalert(1)/report.html",
    ]);
    assert.ok(html.includes(`>${join(folder, "unreported")}</td>`));
    assert.equal(addressesIn(html).filter((address) => !address.startsWith('href="./')).length, 0);
    for (const [, href] of links) {
      assert.ok(Deno.statSync(new URL(href, pathToFileURL(page))).isFile, href);
    }
    // A run that does not count is named, and has its page.
    await writeRunFolder(join(folder, "copy"), {
      config: cartPoleConfig({ seed: 1 }),
      records: SMALL_RUN,
    });
    await writeReport(join(folder, "copy"));
    await run(["report", folder]);
    const copy = `<p class="soft"><a href="./copy/report.html">${
      join(folder, "copy")
    }</a> does not count: `;
    const other = `<p class="soft"><a href="./a%20%26%20b%252f%23/report.html">`;
    const again = Deno.readTextFileSync(page);
    assert.ok(again.includes(copy) || again.includes(other));
    Deno.removeSync(join(folder, "copy"), { recursive: true });
    // A page elsewhere finds them too.
    const out = join(folder, "pages", "all.html");
    Deno.mkdirSync(join(folder, "pages"));
    await run(["report", folder, "--out", out]);
    const [, first] = Deno.readTextFileSync(out).match(/<a href="([^"]*)">/)!;
    assert.equal(first, "./../a%20%26%20b%252f%23/report.html");
    // Nobody named the page in the folder: it is no way to write elsewhere.
    Deno.removeSync(page);
    Deno.writeTextFileSync(join(folder, "mine.txt"), "mine");
    Deno.symlinkSync(join(folder, "mine.txt"), page);
    await run(["report", folder]);
    assert.equal(Deno.readTextFileSync(join(folder, "mine.txt")), "mine");
  });
});

Deno.test("a comparison shows what short runs hand out, and says why no requests were rehearsed", async () => {
  await withFolder(async (folder) => {
    const isWay = (record: unknown) => {
      const { kind, final } = record as { kind?: string; final?: boolean };
      return kind === "evaluation" && !final;
    };
    for (const seed of [1, 2]) {
      const records = SMALL_RUN.filter((record) => !isWay(record));
      const path = join(folder, `run${seed}`);
      await writeRunFolder(path, { config: cartPoleConfig({ seed }), records });
      await Deno.writeTextFile(join(path, "generator.safetensors"), "");
    }
    await run(["report", folder]);
    const html = Deno.readTextFileSync(join(folder, "report.html"));
    const { charts } = readPageData(html) as PageData;
    // One point: nothing leads to it, so that it must be drawn itself.
    const [line] = seriesOf(charts, "chart-learning-0");
    assert.deepEqual([line.x.length, line.points, line.whiskers], [1, true, true]);
    assert.match(html, /left no requests to rehearse: udrlpg curve measures/);
    assert.doesNotMatch(html, /No run (is finished|was evaluated) yet/);
  });
});

Deno.test("report --watch lets an open page follow a run, until it is finished or a signal comes", async () => {
  await withFolder(async (folder) => {
    await writeRunFolder(folder, { records: SMALL_RUN });
    const page = join(folder, "report.html");
    const signal = AbortSignal.abort(new InterruptedError("Interrupted by SIGINT", "SIGINT"));
    const going = await run(["report", folder, "--watch"], { signal });
    assert.equal(going.code, 130);
    assert.match(going.stderr, /^Page .*report\.html: open it in a browser; it follows the runs$/m);
    assert.match(await Deno.readTextFile(page), /<meta http-equiv="refresh" content="10">/);
    await Deno.writeTextFile(join(folder, "generator.safetensors"), "");
    const over = await run(["report", folder, "--watch"]);
    assert.deepEqual([over.code, over.stdout], [0, `Report  ${page}\n`]);
    assert.doesNotMatch(await Deno.readTextFile(page), /http-equiv="refresh"/);
  });
});

const browser = findBrowser();

Deno.test({
  name: "report pages draw every chart in a browser, light and dark, and log nothing",
  ignore: browser === undefined,
  async fn() {
    await withFolder(async (folder) => {
      await writeRunFolder(folder, { records: SMALL_RUN });
      await writeReport(folder);
      const out = join(folder, "all.html");
      const asked = [{ requested: 20, command: 0, mean: 25, std: 1, n: 5 }];
      const finished = join(folder, "finished");
      await writeRunFolder(finished, {
        records: [...SMALL_RUN, { kind: "curve", step: 100, final: true, points: [], asked }],
      });
      // Returns that differ by a rounding error must not break the axis.
      const near = join(folder, "near");
      const end = {
        kind: "evaluation",
        step: 100,
        final: true,
        mean: 95 - 1e-13,
        n: 5,
        ci95: [90, 99],
      };
      await writeRunFolder(near, {
        config: cartPoleConfig({ seed: 9, "update.batchSize": 4 }),
        records: [end],
      });
      await writeComparison([finished, near], { out });
      for (
        const [path, charts, dark] of [[join(folder, "report.html"), 4, true], [out, 2, false]]
      ) {
        const url = pathToFileURL(path as string).href;
        const { html, log } = await openPage(url, { browser: browser!, dark: Boolean(dark) });
        assert.equal(log, "");
        assert.match(html, new RegExp(`<html[^>]* data-charts="${charts}"`));
        assert.equal(html.match(/<canvas/g)!.length, charts);
      }
    });
  },
});
