/** The player: recorded episodes as one page that animates them side by side. */

import { writeFileAtomic, type WriteOptions } from "../../system/files.ts";
import { formatNumber } from "../../numbers/format.ts";
import { escapeHtml, renderPage } from "../html.ts";
import { type Recording, UNITS_PER_METER } from "./recording.ts";
import { renderGif } from "./gif_picture.ts";
import { renderMovingPicture } from "./moving_picture.ts";

/** Speeds that the page offers, times real time. */
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

/**
 * Writes the page, or a moving picture where the file ends in .svg or .gif.
 * @throws {FileError} when it cannot be written.
 */
export async function writePlayer(
  path: string,
  recordings: readonly Recording[],
  { followLinks }: Pick<WriteOptions, "followLinks">,
): Promise<void> {
  const [recording] = recordings;
  const content = /\.gif$/i.test(path)
    ? renderGif(recording)
    : /\.svg$/i.test(path)
    ? renderMovingPicture(recording, describeRecording(recording).split(": "))
    : await renderPlayer(recordings);
  writeFileAtomic(path, content, { kind: "player", followLinks });
}

/** Makes the page as one HTML document. */
export async function renderPlayer(recordings: readonly Recording[]): Promise<string> {
  const [picture, script, style, base] = await Promise.all([
    import("./picture.js", { with: { type: "text" } }),
    import("./player.js", { with: { type: "text" } }),
    import("./player.css", { with: { type: "text" } }),
    import("../page.css", { with: { type: "text" } }),
  ]);
  const envs = [...new Set(recordings.map(({ env }) => env))].join(", ");
  return renderPage({
    title: `${envs} · udrlpg`,
    styles: [base.default, style.default],
    scripts: [picture.default, script.default],
    data: { unitsPerMeter: UNITS_PER_METER, recordings },
    body: [
      `<h1>${escapeHtml(envs)}</h1>`,
      `<div class="panels">${recordings.map(renderPanel).join("\n")}</div>`,
      renderControls(),
    ].join("\n"),
  });
}

function renderPanel(recording: Recording, number: number): string {
  const { title, seed, steps, stepSeconds } = recording;
  return `<figure class="card panel"><h2>${escapeHtml(title)}</h2>` +
    `<canvas class="picture" id="picture-${number}" role="img" aria-label="${
      escapeHtml(`${title}: ${describeRecording(recording)}`)
    }"></canvas>` +
    `<div class="score"><span>return <output class="return" id="return-${number}">0</output></span>` +
    `<span class="soft">step <output id="step-${number}">0</output> of ${steps}, ` +
    `<output id="state-${number}">going</output></span></div>` +
    `<canvas class="course" id="course-${number}" role="img" aria-label="Return over time"></canvas>` +
    `<figcaption>${escapeHtml(describeRecording(recording))} Seed ${seed}, ${
      formatNumber(steps * stepSeconds, 3)
    } s.</figcaption></figure>`;
}

/** "Asked 250, returns 247 +- 12 over 20 episodes, this one 397: ended by the task after 397 steps." */
function describeRecording(
  { requested, measured: { mean, std, n }, return: total, steps, terminated, isAbstract }:
    Recording,
): string {
  const asked = requested === null ? "R" : `Asked ${formatNumber(requested)}, r`;
  return `${asked}eturns ${formatNumber(mean)} +- ${
    formatNumber(std, 3)
  } over ${n} episodes, this one ${formatNumber(total)}: ${
    terminated ? "ended by the task" : "cut off by the time limit"
  } after ${steps} steps.` +
    (isAbstract ? " The bars are the observations, squeezed into -1 to 1." : "");
}

function renderControls(): string {
  const speeds = SPEEDS.map((speed) =>
    `<option value="${speed}"${speed === 1 ? " selected" : ""}>${speed} ×</option>`
  ).join("");
  return '<div class="controls card"><button id="play" type="button">Play</button>' +
    '<input id="scrub" type="range" min="0" max="1" step="any" value="0" aria-label="Time">' +
    '<output id="clock">0.0 s</output>' +
    `<label>Speed <select id="speed">${speeds}</select></label>` +
    '<label><input id="repeat" type="checkbox" checked> Repeat</label></div>' +
    '<p class="soft">Space plays and pauses, the arrow keys step. A link that ends in #t=2.5 shows ' +
    "that second.</p>";
}
