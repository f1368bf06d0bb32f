/**
 * The dial: one page that holds a generator, its environment and, where the environment needs one, the
 * physics engine. Whoever opens it asks for a return, and the policy for that return is made and plays in
 * the page.
 *
 * The engine is one script, engine_bundle.js (`deno task dial`); dial.js is what the page shows. Physics
 * engines are packed with deflate, which every browser can undo.
 */

import { deflateRawSync } from "node:zlib";
import type { PhysicsFiles } from "../../env.ts";
import { reachableRange } from "../../generator/calibration.ts";
import type { TrainedGenerator } from "../../generator/generator_file.ts";
import { policyMetadata } from "../../generator/policy_file.ts";
import { formatNumber } from "../../numbers/format.ts";
import { escapeHtml, renderPage } from "../html.ts";
import type { DialGenerator } from "./engine.ts";

/** What the page's data block holds. */
export interface DialData {
  /** What the engine is opened with. */
  readonly generator: DialGenerator;
  /** The return that each dial begins with. */
  readonly returns: readonly number[];
  /** Script and WebAssembly, deflated, in base64. */
  readonly physics: { readonly script: string; readonly wasm: string } | null;
}

/** The most dials that a page begins with; more can be added in it. */
export const MAX_DIALS = 6;

/** Makes the data block of a page. */
export function dialData(
  { spec, config, weights, normaliser, calibration, hash }: TrainedGenerator,
  { returns, physics }: {
    readonly returns: readonly number[];
    readonly physics: PhysicsFiles | undefined;
  },
): DialData {
  const label = {
    environment: spec.id,
    requestedReturn: 0,
    command: 0,
    measuredReturn: null,
    generator: hash,
  };
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  return {
    generator: {
      config,
      weights: bytes.toBase64(),
      normaliser: { mean: [...normaliser.mean], deviation: [...normaliser.deviation] },
      calibration,
      metadata: policyMetadata(config.policy, { label, spec }),
    },
    returns,
    physics: physics === undefined
      ? null
      : { script: pack(new TextEncoder().encode(physics.script)), wasm: pack(physics.wasm) },
  };
}

function pack(bytes: Uint8Array): string {
  return new Uint8Array(deflateRawSync(bytes, { level: 9 })).toBase64();
}

/** Makes the page as one HTML document. */
export async function renderDial(generator: TrainedGenerator, data: DialData): Promise<string> {
  const [engine, picture, script, style, base] = await Promise.all([
    import("./engine_bundle.js", { with: { type: "text" } }),
    import("../play/picture.js", { with: { type: "text" } }),
    import("./dial.js", { with: { type: "text" } }),
    import("./dial.css", { with: { type: "text" } }),
    import("../page.css", { with: { type: "text" } }),
  ]);
  const { spec, calibration } = generator;
  const { min, max } = reachableRange(calibration);
  return renderPage({
    title: `${spec.id} · udrlpg`,
    styles: [base.default, style.default],
    scripts: [engine.default, picture.default, script.default],
    data,
    compiles: data.physics === null ? "wasm" : "text",
    body: [
      `<h1>${escapeHtml(spec.id)}</h1>`,
      '<p class="soft">Turn a dial to the return that you want: the generator makes the policy for it, ' +
      `which plays at once. It answers from ${formatNumber(min)} to ${formatNumber(max)}. ` +
      "Drag a body to push it.</p>",
      '<p id="status" role="status">Loading</p>',
      '<div class="panels" id="panels"></div>',
      renderControls(),
      renderPanel(),
    ].join("\n"),
  });
}

/** Speeds that the page offers, times real time; 0 is as fast as the machine can. */
const SPEEDS = [0.25, 0.5, 1, 2, 4, 16, 0];

function renderControls(): string {
  const speeds = SPEEDS.map((speed) =>
    `<option value="${speed}"${speed === 1 ? " selected" : ""}>${
      speed === 0 ? "fastest" : `${speed} ×`
    }</option>`
  ).join("");
  return '<div class="controls card"><button id="play" type="button">Pause</button>' +
    '<button id="restart" type="button">Restart all</button>' +
    '<button id="add" type="button">Add a dial</button>' +
    `<label>Speed <select id="speed">${speeds}</select></label></div>` +
    '<p class="soft">Space plays and pauses, R restarts, A adds a dial. With a picture in focus the ' +
    "arrow keys push its body. Episodes whose dial was turned, or whose body was pushed, are not " +
    "counted.</p>";
}

/** One dial, which the page's script copies. */
function renderPanel(): string {
  return '<template id="panel"><figure class="card panel">' +
    '<canvas class="picture" tabindex="0" role="img"></canvas>' +
    '<div class="wanted"><label>Wanted return <input class="number" type="number" step="any"></label>' +
    '<input class="dial" type="range" step="any" aria-label="Wanted return"></div>' +
    '<div class="score"><span>return <output class="return">0</output></span>' +
    '<span class="soft">step <output class="step">0</output>, <output class="state">going</output>' +
    "</span></div>" +
    '<canvas class="histogram" role="img"></canvas>' +
    '<figcaption class="tally"></figcaption>' +
    '<div class="buttons"><button class="again" type="button">Restart</button>' +
    '<button class="download" type="button">Download ONNX</button>' +
    '<button class="remove" type="button" aria-label="Remove this dial">Remove</button></div>' +
    "</figure></template>";
}
