/** Recorded episodes and the page that plays them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { registry } from "../../../../envs/registry.ts";
import type { Env } from "../../../../lib/env.ts";
import type { Policy } from "../../../../lib/model.ts";
import omggif from "omggif";
import { renderGif } from "../../../../lib/report/play/gif_picture.ts";
import { renderMovingPicture } from "../../../../lib/report/play/moving_picture.ts";
import { renderPlayer } from "../../../../lib/report/play/player.ts";
import {
  recordEpisode,
  type Recording,
  separateFixed,
  UNITS_PER_METER,
} from "../../../../lib/report/play/recording.ts";
import { sceneOf } from "../../../../lib/report/play/scene.ts";
import { readPageData } from "../../../../lib/report/html.ts";
import { Rng } from "../../../../lib/numbers/rng.ts";
import { runEpisode } from "../../../../lib/episodes/rollout.ts";
import { addressesIn, findBrowser, openPage } from "../../../support/browser.ts";
import { run } from "../../../support/program.ts";
import { TinyEnv } from "../../../support/tiny_env.ts";
import { trainTiny, withFolder } from "../../../support/tiny_command.ts";

/** Acts at random, the same for the same seed. */
function randomPolicy({ spec: { actionSpace } }: Env): Policy {
  const rng = Rng.fromSeed([7]);
  const act = (_: unknown, action: Float64Array) => {
    for (let i = 0; i < action.length; i++) {
      action[i] = actionSpace.kind === "discrete"
        ? Math.floor(rng.random() * actionSpace.n)
        : actionSpace.low[i] + rng.random() * (actionSpace.high[i] - actionSpace.low[i]);
    }
  };
  return { act } as unknown as Policy;
}

const MEASURED = { mean: 247, std: 12, n: 20 };

async function recordIn(id: string, title = id): Promise<Recording> {
  const env = await registry.make(id);
  try {
    return await recordEpisode(env, randomPolicy(env), { title, seed: 3, measured: MEASURED });
  } finally {
    await env.close();
  }
}

Deno.test("recordEpisode() runs the episode that runEpisode() runs", async () => {
  const recording = await recordIn("CartPole-v1");
  const env = await registry.make("CartPole-v1");
  const episode = await runEpisode(env, randomPolicy(env), { seed: 3 });
  assert.equal(recording.return, episode.return);
  assert.equal(recording.steps, episode.length);
  assert.equal(recording.frames.length, episode.length + 1);
  assert.deepEqual(recording.returns, Array.from({ length: episode.length + 1 }, (_, i) => i));
});

Deno.test("sceneOf() draws the cart and its pole where the observation says", async () => {
  const env = await registry.make("CartPole-v1") as Env & { setState(state: number[]): void };
  await env.reset(1);
  env.setState([1, 0, 0.1, 0]);
  const scene = sceneOf(env);
  const points = new Float64Array(4 * scene.strokes.length);
  scene.place(points);
  const pole = points.slice(-4);
  // The observation is in float32. The pole is 1 m long and leans to the right.
  const expected = [1, 0.15, 1 + Math.sin(0.1), 0.15 + Math.cos(0.1)];
  expected.forEach((value, i) => assert.ok(Math.abs(pole[i] - value) < 1e-6));
});

Deno.test("sceneOf() draws Hopper from the side by its own geometry", async () => {
  const recording = await recordIn("Hopper-v5");
  // Torso, thigh, leg and foot of Gymnasium's hopper.xml: radii 0.05, 0.05, 0.04, 0.06 m.
  const widths = recording.strokes.map(({ width }) => Number(width.toFixed(6)));
  assert.deepEqual(widths.toSorted(), [0.08, 0.1, 0.1, 0.12]);
  assert.equal(recording.ground, 0);
  assert.equal(recording.stepSeconds, 0.008);
  // The torso is a capsule of 0.4 m, upright at the start, with its lower end 1.05 m above the ground.
  const [x1, y1, x2, y2] = recording.frames[0].slice(0, 4).map((value) => value / UNITS_PER_METER);
  assert.ok(Math.abs(Math.hypot(x2 - x1, y2 - y1) - 0.4) < 1e-3);
  assert.ok(Math.abs(Math.min(y1, y2) - 1.05) < 0.02 && Math.abs(x1 - x2) < 0.02);
});

Deno.test("sceneOf() looks at what lies flat from above, and drops a floor far below", async () => {
  for (const id of ["Swimmer-v5", "Reacher-v5", "InvertedDoublePendulum-v5"]) {
    assert.equal((await recordIn(id)).ground, null, id);
  }
  const { frames } = await recordIn("Swimmer-v5");
  // Three capsules of 1 m each, in the plane.
  for (let i = 0; i < 12; i += 4) {
    const [x1, y1, x2, y2] = frames[0].slice(i).map((value) => value / UNITS_PER_METER);
    assert.ok(Math.abs(Math.hypot(x2 - x1, y2 - y1) - 1) < 1e-3);
  }
});

Deno.test("sceneOf() has a picture of every environment, and of an unknown one", async () => {
  for (const id of registry.ids) {
    const env = await registry.make(id);
    await env.reset(1);
    const scene = sceneOf(env);
    const points = new Float64Array(4 * scene.strokes.length).fill(NaN);
    scene.place(points);
    assert.ok(scene.strokes.length >= 2 && points.every(Number.isFinite), id);
    assert.ok(scene.stepSeconds > 0 && scene.strokes.every(({ width }) => width > 0), id);
    await env.close();
  }
  const { strokes, isAbstract } = await recordEpisode(new TinyEnv(), randomPolicy(new TinyEnv()), {
    title: "tiny",
    seed: 1,
    measured: MEASURED,
  });
  assert.equal(strokes.length, 2);
  assert.ok(isAbstract, "bars of observations are no metres");
});

Deno.test("separateFixed() keeps every stroke and repeats none that stands still", () => {
  const frames = [[1, 1, 2, 2, 5, 5, 5, 5], [1, 1, 2, 3, 5, 5, 5, 5]];
  assert.deepEqual(separateFixed(frames), {
    fixed: [null, [5, 5, 5, 5]],
    frames: [[1, 1, 2, 2], [1, 1, 2, 3]],
  });
});

Deno.test("renderPlayer() escapes titles and asks no network", async () => {
  const html = await renderPlayer([await recordIn("Pendulum-v1", "</script><img src=x>")]);
  assert.deepEqual(addressesIn(html), []);
  assert.ok(!html.includes("<img"));
  assert.equal(html.match(/<script/g)!.length, 3);
  const { recordings } = readPageData(html) as { recordings: Recording[] };
  assert.equal(recordings[0].title, "</script><img src=x>");
});

Deno.test("renderMovingPicture() moves every stroke that moves, in a file without script", async () => {
  for (const id of ["CartPole-v1", "Hopper-v5", "Pendulum-v1"]) {
    const recording = await recordIn(id, "<b>");
    const svg = renderMovingPicture(recording, ["Returns 1 +- 2", "ended"]);
    assert.match(
      svg,
      /^<svg [^>]*role="img">\n<title>&lt;b&gt;<\/title>\n<desc>Returns 1 \+- 2: ended</,
    );
    assert.ok(!svg.includes("<script") && svg.includes("prefers-color-scheme: dark"));
    assert.deepEqual(addressesIn(svg.replace("http://www.w3.org/2000/svg", "")), []);
    const strokes = svg.match(/<line class="(?!ground)[^>]*>/g)!;
    assert.equal(strokes.length, recording.strokes.length, id);
    const moving = strokes.filter((stroke) => !stroke.endsWith("/>"));
    assert.equal(moving.length, recording.fixed.filter((four) => four === null).length, id);
    // All animations of a picture have the same number of values.
    const counts = [...svg.matchAll(/<animate [^>]*values="([^"]*)"/g)].map(([, values]) =>
      values.split(";").length
    );
    assert.equal(new Set(counts).size, 1, id);
    assert.doesNotMatch(svg, /NaN|Infinity/);
  }
});

Deno.test("renderGif() shows an episode in its own time, over and over", async () => {
  const recording = await recordIn("CartPole-v1", "a");
  const gif = new omggif.GifReader(renderGif(recording));
  assert.deepEqual([gif.width, gif.height, gif.loopCount()], [480, 360, 0]);
  const pictures = gif.numFrames();
  const delays = Array.from({ length: pictures }, (_, i) => gif.frameInfo(i).delay);
  // 25 pictures a second stand for 4 hundredths each; the last one stands for a second.
  assert.deepEqual([...new Set(delays.slice(0, -1))], [4]);
  assert.equal(delays.at(-1), 100);
  const seconds = recording.steps * recording.stepSeconds;
  assert.ok(Math.abs((pictures - 1) * 0.04 - seconds) <= 0.04, `${pictures} for ${seconds} s`);
});

Deno.test("renderGif() paints a stroke where it lies, and clears where it lay", async () => {
  // A bar of 1 m by 0.5 m whose middle moves from (0, 0) to (1, 0); 2 m are seen across at most.
  const unit = 10_000;
  const bar = (x: number) => [(x - 0.5) * unit, 0, (x + 0.5) * unit, 0];
  const gif = new omggif.GifReader(renderGif({
    ...await recordIn("CartPole-v1", "a"),
    steps: 2,
    stepSeconds: 0.08,
    ground: null,
    strokes: [{ width: 0.5, tone: "body", isCut: true }],
    fixed: [null],
    frames: [bar(0), bar(0.5), bar(1)],
  }));
  const pixels = new Uint8Array(4 * 480 * 360);
  const at = (x: number, y: number) => [...pixels.subarray(4 * (480 * y + x)).subarray(0, 3)];
  const [body, page] = [[0x25, 0x63, 0xeb], [0xf6, 0xf7, 0xf9]];
  gif.decodeAndBlitFrameRGBA(0, pixels);
  assert.deepEqual([at(120, 180), at(400, 180), at(120, 20)], [body, page, page]);
  gif.decodeAndBlitFrameRGBA(1, pixels);
  gif.decodeAndBlitFrameRGBA(2, pixels);
  assert.deepEqual([at(120, 180), at(400, 180), at(400, 20)], [page, body, page]);
});

Deno.test("play shows what evaluate measures, and policies for several returns", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "run");
    assert.equal((await trainTiny(out)).code, 0);
    const policy = join(folder, "p.json");
    const make = ["generate", "--run", out, "--return", "20", "--verify", "2", "--out", policy];
    const generated = JSON.parse((await run([...make, "--json"])).stdout);
    const page = join(folder, "play.html");
    const played = await run(["play", policy, "--episodes", "2", "--out", page, "--json"]);
    assert.deepEqual([played.code, played.stderr], [0, ""]);
    const evaluated = await run(["evaluate", policy, "--episodes", "2", "--json"]);
    const { episodes } = JSON.parse(played.stdout);
    const mean = (list: { return: number }[]) =>
      list.reduce((sum, one) => sum + one.return / list.length, 0);
    assert.equal(mean(episodes), JSON.parse(evaluated.stdout).return.mean);
    const many = await run(
      ["play", "--run", out, "--returns", "20,1e6", "--episodes", "2", "--out", page, "--json"],
    );
    assert.equal(many.code, 0);
    assert.match(many.stderr, /Warning: return 1000000 is outside the range/);
    const document = JSON.parse(many.stdout);
    assert.deepEqual(
      document.episodes.map((one: { requestedReturn: number }) => one.requestedReturn),
      [20, 20, 1e6, 1e6],
    );
    assert.equal(mean(document.episodes.slice(0, 2)), generated.measuredReturn.mean);
    const { recordings } = readPageData(await Deno.readTextFile(page)) as {
      recordings: Recording[];
    };
    assert.equal(recordings.length, 4);
    for (
      const [argv, rule] of [
        [["play"], /a run or policy files must be given, got neither/],
        [["play", policy, "--run", out, "--returns", "1"], /one run or policy files must be given/],
        [
          ["play", policy, "--out", "a.webp"],
          /the file must end in \.html, \.svg, \.gif, got "a\.webp": write an \.svg, /,
        ],
        [["play", policy, "--returns", "5"], /--returns needs a generator/],
        [["play", "--run", out, "--returns", "5,x"], /must be numbers with commas .* got "5,x"/],
        [["play", "--run", out, "--returns", "1,2,3", "--episodes", "9"], /at most 24 .* got 27/],
      ] as const
    ) {
      const { code, stderr } = await run(argv);
      assert.equal(code, 2);
      assert.match(stderr.trimEnd(), rule);
    }
    // Without returns three of the range are shown; a folder stands for the policies in it.
    const some = JSON.parse((await run(["play", out, "--out", page, "--json"])).stdout);
    assert.equal(some.episodes.length, 3);
    const { measuredReturn } = some.episodes[0];
    assert.equal(measuredReturn.n, 20);
    const policies = join(folder, "policies");
    await Deno.mkdir(policies);
    for (const name of ["a.json", "b.json"]) await Deno.copyFile(policy, join(policies, name));
    const both = JSON.parse((await run(["play", policies, "--out", page, "--json"])).stdout);
    assert.deepEqual(
      both.episodes.map(({ title }: { title: string }) => title.slice(-6)),
      ["a.json", "b.json"],
    );
    const picture = join(folder, "p.svg");
    assert.equal((await run(["play", policy, "--out", picture])).code, 0);
    assert.match(await Deno.readTextFile(picture), /<animate /);
    const two = await run(["play", policies, "--out", picture]);
    assert.deepEqual([two.code, two.stdout], [2, ""]);
    assert.match(two.stderr, /^Cannot play: a moving picture shows one episode, got 2/);
    const html = await Deno.readTextFile(page);
    assert.match(
      html,
      /Returns [\d.]+ \+- [\d.]+ over 20 episodes, this one [\d.]+: (ended|cut off)/,
    );
  });
});

const browser = findBrowser();

Deno.test({
  name: "the player's page counts the return up in a browser",
  ignore: browser === undefined,
  async fn() {
    const recording = await recordIn("CartPole-v1");
    await withFolder(async (folder) => {
      const path = join(folder, "play.html");
      await Deno.writeTextFile(path, await renderPlayer([recording, recording]));
      const at = 5;
      const time = at * recording.stepSeconds;
      const { html, log } = await openPage(`${pathToFileURL(path).href}#t=${time}`, {
        browser: browser!,
      });
      assert.equal(log, "");
      assert.match(html, /<html[^>]* data-panels="2"/);
      for (const panel of [0, 1]) {
        assert.ok(html.includes(`id="return-${panel}">${recording.returns[at]}<`));
        assert.ok(html.includes(`id="step-${panel}">${at}<`));
        assert.ok(html.includes(`id="state-${panel}">going<`));
      }
    });
  },
});
