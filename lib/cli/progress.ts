/**
 * Progress of long commands on stderr: one line that is drawn again on a terminal, a plain line every
 * 10 s otherwise. It is driven by the work's own calls and needs no timer, since the work blocks the
 * thread between them anyway.
 */

import { formatCount } from "../numbers/format.ts";
import { type Clock, formatDuration } from "../system/clock.ts";
import type { TextStream } from "./text_stream.ts";

/** How progress is shown. */
export type ProgressMode = "bar" | "lines" | "none";

/** How far the work is. */
export interface ProgressState {
  /** Units that are done. */
  readonly done: number;
  /** Units in all. */
  readonly total: number;
  /** What is known besides, the most important first: those that fit are shown. */
  readonly facts?: readonly (readonly [label: string, value: string])[];
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;
/** The rate is that of the last half minute or so. */
const RATE_WINDOW_MS = 30_000;
const MAX_SAMPLES = 32;
const MAX_BAR_WIDTH = 30;
const MIN_BAR_WIDTH = 8;

/** Shows the progress of one piece of work. */
export class Progress {
  readonly #stream: TextStream;
  readonly #clock: Clock;
  readonly #mode: ProgressMode;
  readonly #unit: string;
  #samples: { readonly time: number; readonly done: number }[] = [];
  #lastShown: number;
  #isDrawn = false;

  /**
   * Shows nothing before the first `update`.
   * @param options.unit What is counted, such as "steps".
   */
  constructor(
    stream: TextStream,
    { clock, mode, unit }: { clock: Clock; mode: ProgressMode; unit: string },
  ) {
    this.#stream = stream;
    this.#clock = clock;
    this.#mode = mode;
    this.#unit = unit;
    // A bar is drawn at once, a first line only after ten seconds: short work prints none.
    this.#lastShown = mode === "bar" ? -Infinity : clock.monotonicMs();
  }

  /** Notes how far the work is and shows it when it is time to. */
  update(state: ProgressState): void {
    if (this.#mode === "none") return;
    const now = this.#clock.monotonicMs();
    this.#sample(now, state.done);
    if (now - this.#lastShown < (this.#mode === "bar" ? REDRAW_MS : LINE_MS)) return;
    this.#lastShown = now;
    const rate = this.rate();
    if (this.#mode === "lines") {
      this.#stream.write(`${formatProgress(state, { rate, unit: this.#unit })}\n`);
    } else {
      // One column stays free: a full line would wrap and could not be drawn again.
      const width = this.#stream.columns() - 1;
      this.#stream.redraw(formatBar(state, { rate, unit: this.#unit, width }));
      this.#isDrawn = true;
    }
  }

  /** Units per second over the last half minute; NaN before there are two moments to compare. */
  rate(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.time <= first.time) return NaN;
    return (last.done - first.done) / (last.time - first.time) * 1000;
  }

  /** Removes the bar from the terminal, before something else is written and at the end. */
  clear(): void {
    if (this.#isDrawn) this.#stream.redraw("");
    this.#isDrawn = false;
    if (this.#mode === "bar") this.#lastShown = -Infinity;
  }

  #sample(now: number, done: number): void {
    const last = this.#samples.at(-1);
    const isDue = last === undefined || now - last.time >= RATE_WINDOW_MS / MAX_SAMPLES;
    if (!isDue && this.#samples.length > 1) this.#samples.pop();
    this.#samples.push({ time: now, done });
    while (this.#samples.length > 2 && now - this.#samples[1].time > RATE_WINDOW_MS) {
      this.#samples.shift();
    }
  }
}

/** What a progress line is made with. */
export interface LineOptions {
  /** Units per second; NaN when it is not known. */
  readonly rate: number;
  /** What is counted. */
  readonly unit: string;
}

/** Writes a plain progress line with everything that is known. */
export function formatProgress(state: ProgressState, options: LineOptions): string {
  return [formatShare(state), ...details(state, options)].join(", ");
}

/** Writes the progress line of a terminal, at most `width` characters: a bar and what fits. */
export function formatBar(
  state: ProgressState,
  { width, ...options }: LineOptions & { readonly width: number },
): string {
  const share = formatShare(state).padStart(4);
  const parts = details(state, options);
  let text = "";
  const room = width - share.length - MIN_BAR_WIDTH - 4;
  for (const part of parts) {
    if (text.length + 2 + part.length > room) break;
    text += `  ${part}`;
  }
  const barWidth = Math.min(MAX_BAR_WIDTH, width - share.length - 3 - text.length);
  if (barWidth < 1) return share.slice(0, Math.max(0, width));
  const filled = Math.floor(barWidth * shareOf(state));
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${share}${text}`;
}

function details(state: ProgressState, { rate, unit }: LineOptions): string[] {
  const left = rate > 0 ? [`${formatDuration((state.total - state.done) / rate)} left`] : [];
  const speed = rate > 0 ? [`${formatCount(Number(rate.toPrecision(3)))}/s`] : [];
  const counts = `${formatCount(state.done)}/${formatCount(state.total)} ${unit}`;
  const [first, ...rest] = (state.facts ?? []).map(([label, value]) => `${label} ${value}`);
  return [...left, ...(first === undefined ? [] : [first]), counts, ...speed, ...rest];
}

function shareOf({ done, total }: ProgressState): number {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
}

function formatShare(state: ProgressState): string {
  return `${Math.floor(100 * shareOf(state))}%`;
}
