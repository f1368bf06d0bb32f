// deno-lint-ignore-file no-console
/**
 * The dial's page against the program: its scripts run here as they run in a browser, and in headless
 * Chromium where there is one.
 */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { inflateRawSync } from "node:zlib";
import { registry } from "../../../../envs/registry.ts";
import { models } from "../../../../models/models.ts";
import { commandFor } from "../../../../lib/generator/calibration.ts";
import { assertSealedOnnx } from "../../../../lib/formats/checksum.ts";
import { Rng } from "../../../../lib/numbers/rng.ts";
import { toPolicyOrder } from "../../../../lib/policy_space.ts";
import type { DialData } from "../../../../lib/report/dial/dial.ts";
import type { DialGenerator, Engine } from "../../../../lib/report/dial/engine.ts";
import { readPageData } from "../../../../lib/report/html.ts";
import { readOnnx } from "../../../../lib/onnx/reader.ts";
import { addressesIn, findBrowser } from "../../../support/browser.ts";
import { assertAllClose } from "../../../support/close.ts";
import { drivePage } from "../../../support/drive_browser.ts";
import { drawGenerator, openDrawn } from "../../../support/drawn_generator.ts";
import { run } from "../../../support/program.ts";
import { withFolder } from "../../../support/tiny_command.ts";
import { BUNDLE, bundleEngine } from "./bundle_engine.ts";

const WANTED = [35, 90, 170];
const SEED = 5;
const TOLERANCE = 1e-5;

/** What a page gives to be compared: an array for each wanted return, and one episode step by step. */
interface Played {
  readonly weights: readonly (readonly number[])[];
  readonly observations: readonly (readonly number[])[];
  readonly rewards: readonly number[];
}

/** Plays in the page's engine; the text runs in a browser, too. */
const PLAY = `async (engine) => {
  const weights = ${
  JSON.stringify(WANTED)
}.map((one) => Array.from(engine.generate(one).parameters));
  const subject = await engine.createSubject();
  subject.use(engine.generate(${WANTED[1]}));
  await subject.restart(${SEED});
  const observations = [Array.from(subject.observation)];
  const rewards = [];
  for (let ended = false; !ended;) {
    const { reward, terminated, truncated } = await subject.step();
    rewards.push(reward);
    observations.push(Array.from(subject.observation));
    ended = terminated || truncated || rewards.length === 300;
  }
  await subject.close();
  return { weights, observations, rewards };
}`;

/** Does the same with the program's own generator, networks and environment. */
async function playHere(path: string): Promise<Played> {
  const { spec, shape, model, pass, values, calibration, normaliser } = openDrawn(path);
  const commands = WANTED.map((one) => commandFor(calibration, one).command);
  const rows = await pass.run(values, { commands, rng: Rng.fromSeed(1) });
  await pass.close();
  const weights = rows.map((row) => toPolicyOrder(model, row));
  const policy = models.createPolicy(spec, shape);
  policy.normalise(normaliser);
  policy.load(weights[1]);
  const env = await registry.make(spec.id);
  await env.reset(SEED);
  const observations = [[...env.observation]];
  const rewards: number[] = [];
  const action = new Float64Array(spec.actionSpace.kind === "box" ? shape.sizes.at(-1)! : 1);
  for (let ended = false; !ended;) {
    await policy.act(env.observation, action);
    const { reward, terminated, truncated } = await env.step(action);
    rewards.push(reward);
    observations.push([...env.observation]);
    ended = terminated || truncated || rewards.length === 300;
  }
  await env.close();
  return { weights: weights.map((row) => [...row]), observations, rewards };
}

/**
 * Weights differ by rounding, so an episode that depends on them sharply may part after a while: its first
 * steps must be equal.
 */
function assertSame(played: Played, expected: Played): void {
  played.weights.forEach((row, i) =>
    assertAllClose(row, expected.weights[i], { tolerance: TOLERANCE, name: `weights ${i}` })
  );
  assert.equal(played.rewards.length, expected.rewards.length);
  assertAllClose(played.rewards, expected.rewards, { tolerance: 1e-3, name: "rewards" });
  played.observations.slice(0, 100).forEach((row, i) =>
    assertAllClose(row, expected.observations[i], { tolerance: 1e-3, name: `observation ${i}` })
  );
}

type Open = (generator: DialGenerator) => Engine;

/** Runs the first script of a page, as a browser does, and gives the engine with the page's data. */
async function openHere(html: string, folder: string): Promise<Engine> {
  const { generator, physics } = readPageData(html) as DialData;
  const scripts = [...html.matchAll(/<script>\n([^]*?)\n<\/script>/g)].map(([, text]) => text);
  const scope = globalThis as unknown as { udrlpgEngine?: Open; udrlpgPhysics?: () => unknown };
  if (physics) {
    const unpack = (text: string) => inflateRawSync(Uint8Array.fromBase64(text));
    const script = `${folder}/physics.mjs`;
    Deno.writeFileSync(script, new Uint8Array(unpack(physics.script)));
    const module = await import(pathToFileURL(script).href);
    scope.udrlpgPhysics = () =>
      module.default({ wasmBinary: new Uint8Array(unpack(physics.wasm)) });
  }
  new Function(scripts[0])();
  const engine = scope.udrlpgEngine!(generator);
  delete scope.udrlpgEngine;
  return engine;
}

async function writeDial(
  folder: string,
  env: string,
): Promise<{ readonly source: string; readonly page: string; readonly html: string }> {
  const source = `${folder}/generator.safetensors`;
  drawGenerator(source, { env, generator: { hiddenSizes: [32] } });
  const page = `${folder}/dial.html`;
  const { code, stdout, stderr } = await run(["dial", source, "--returns", "40,90", "--json"]);
  assert.equal(code, 0, stderr);
  const html = Deno.readTextFileSync(page);
  const document = JSON.parse(stdout);
  assert.deepEqual([document.env, document.page, document.returns], [env, page, [40, 90]]);
  assert.equal(document.bytes, new TextEncoder().encode(html).length);
  return { source, page, html };
}

for (const env of ["CartPole-v1", "Hopper-v5"]) {
  Deno.test(`dial writes one page that plays ${env} as the program does`, (t) =>
    withFolder(async (folder) => {
      const { source, page, html } = await writeDial(folder, env);
      assert.ok(html.length < 8e6, `${html.length}`);
      const markup = html.replaceAll(/<script[^]*?<\/script>/g, "");
      assert.deepEqual(addressesIn(markup), []);
      const expected = await playHere(source);
      const engine = await openHere(html, folder);
      const play = new Function(`return ${PLAY}`)() as (engine: Engine) => Promise<Played>;
      const played = await play(engine);
      assertSame(played, expected);
      const wrong = played.weights.map((row) => row.map((x) => x + 2 * TOLERANCE));
      assert.throws(() => assertSame({ ...played, weights: wrong }, expected), /weights 0/);
      await checkDownload(await engine.encodeOnnx(90), { folder, env });
      const browser = findBrowser();
      if (browser === undefined) console.info("There is no Chromium: the page was not opened");
      await t.step({
        name: "in headless Chromium",
        ignore: browser === undefined,
        fn: () => checkInBrowser(page, { browser: browser!, expected }),
      });
    }));
}

/** A policy out of the page is a file that the program reads. */
async function checkDownload(
  bytes: Uint8Array<ArrayBuffer>,
  { folder, env }: { folder: string; env: string },
): Promise<void> {
  const path = `${folder}/download.onnx`;
  Deno.writeFileSync(path, bytes);
  const { metadata } = readOnnx(bytes, { name: path });
  assertSealedOnnx(bytes, { metadata, name: path });
  assert.deepEqual([metadata.environment, metadata.requestedReturn], [env, "90"]);
  const { code, stderr } = await run(["evaluate", path, "--episodes", "2", "--json"]);
  assert.equal(code, 0, stderr);
}

/** Turns, pushes and measures as somebody does who opens the page. */
async function checkInBrowser(
  path: string,
  { browser, expected }: { browser: string; expected: Played },
): Promise<void> {
  const page = await drivePage(pathToFileURL(path).href, { browser, width: 400, height: 800 });
  try {
    await page.until("document.documentElement.dataset.ready");
    const data = "JSON.parse(document.getElementById('page-data').textContent)";
    assertSame(
      await page.evaluate<Played>(`(${PLAY})(udrlpgEngine(${data}.generator))`),
      expected,
    );
    // Nothing is wider than a phone.
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"));
    assert.equal(await page.evaluate("document.querySelectorAll('figure').length"), 2);

    await page.evaluate("document.getElementById('speed').value = '0'");
    const finished = "JSON.parse(document.querySelector('figure').dataset.finished)";
    await page.until(`${finished}.length > 0`);
    await page.evaluate(`(() => {
      const dial = document.querySelector(".dial");
      dial.value = 120;
      dial.dispatchEvent(new Event("input"));
    })()`);
    const wanted = "document.querySelector('figure').dataset.wanted";
    assert.ok(Math.abs(Number(await page.evaluate(wanted)) - 120) < 0.01);
    const tally = "document.querySelector('.tally').textContent";
    assert.match(await page.evaluate(tally), /^Wanted 120, expected /);
    const milliseconds = /made in ([\d.]+) ms/.exec(await page.evaluate(tally))![1];
    assert.ok(Number(milliseconds) > 0, milliseconds);

    await page.evaluate("document.getElementById('speed').value = '1'");
    await page.evaluate("document.getElementById('restart').click()");
    await page.evaluate("document.querySelector('.picture').focus()");
    const key = { key: "ArrowRight", code: "ArrowRight" };
    await page.send("Input.dispatchKeyEvent", { type: "keyDown", ...key });
    await page.until("Number(document.querySelector('figure').dataset.pushes) > 0");
    await page.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });

    await page.send("Input.dispatchKeyEvent", { type: "keyDown", key: "a", code: "KeyA" });
    await page.until("document.querySelectorAll('figure').length === 3");
    await page.send("Input.dispatchKeyEvent", { type: "keyDown", key: " ", code: "Space" });
    await page.until("document.getElementById('play').textContent === 'Play'");
    assert.deepEqual(page.complaints, []);
  } finally {
    await page.close();
  }
}

Deno.test("a push moves what it pulls at, and nothing once it is let go", async () => {
  for (const [id, stroke] of [["Swimmer-v5", 0], ["CartPole-v1", 4], ["Pendulum-v1", 1]] as const) {
    const { openEngine } = await import("../../../../lib/report/dial/engine.ts");
    await withFolder(async (folder) => {
      const source = `${folder}/generator.safetensors`;
      drawGenerator(source, { env: id, generator: { hiddenSizes: [8] } });
      const { dialData } = await import("../../../../lib/report/dial/dial.ts");
      const { generator } = dialData(openDrawn(source), { returns: [], physics: undefined });
      const engine = openEngine(generator, { registry, models });
      const subject = await engine.createSubject();
      const play = async (dx: number | undefined) => {
        subject.use(engine.generate(100));
        await subject.restart(3);
        for (let i = 0; i < 4; i++) {
          await subject.step(dx === undefined ? undefined : { stroke, dx, dy: 0 });
        }
        return subject.points[4 * stroke + 2]; // x of the stroke's second end
      };
      const [left, free, right, again] = [
        await play(-1),
        await play(undefined),
        await play(1),
        await play(undefined),
      ];
      assert.ok(left < free && free < right, `${id}: ${left} ${free} ${right}`);
      assert.equal(again, free);
      await subject.close();
    });
  }
});

Deno.test("dial says which environments a page can play, and what a page is called", () =>
  withFolder(async (folder) => {
    const source = `${folder}/generator.safetensors`;
    drawGenerator(source, { env: "CartPole-v1", generator: { hiddenSizes: [8] } });
    const named = await run(["dial", source, "--out", `${folder}/dial.txt`]);
    assert.equal(named.code, 2);
    assert.match(named.stderr, /--out must end in \.html, got ".*dial\.txt"/);
    const ids = registry.ids.filter((id) => id !== "CartPole-v1");
    const parts = { registry: () => Promise.resolve({ ...registry, ids }) };
    const foreign = await run(["dial", source], { parts });
    assert.equal(foreign.code, 2);
    assert.match(
      foreign.stderr,
      /Cannot make dial: a page plays the program's own environments, got "CartPole-v1", which runs in a process/,
    );
  }));

Deno.test("engine_bundle.js is what `deno task dial` makes of the sources", async () => {
  const kept = Deno.readTextFileSync(BUNDLE);
  const built = await bundleEngine();
  assert.ok(built === kept, "run `deno task dial`");
  // A page has neither packages nor files.
  assert.doesNotMatch(kept, /\bnode:|\bDeno\.|\brequire\(|\bimport\(/);
});
