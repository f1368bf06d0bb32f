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
  /** What the work is doing now, where it has phases: "calibrating". */
  readonly phase?: string;
  /** How far all of the work is, where the units of a phase do not tell. */
  readonly whole?: {
    /** Share of the time that is over; undefined before anybody can tell. */
    readonly share: number | undefined;
    /** Undefined before anybody can tell. */
    readonly secondsLeft: number | undefined;
  };
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
  #shownShare = 0;
  #phase: string | undefined;

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
    if (state.phase !== this.#phase) this.#samples = [];
    this.#phase = state.phase;
    this.#sample(now, state.done);
    if (now - this.#lastShown < (this.#mode === "bar" ? REDRAW_MS : LINE_MS)) return;
    this.#lastShown = now;
    // A better forecast takes nothing back that was shown.
    this.#shownShare = Math.max(this.#shownShare, shareOf(state));
    const line = { rate: this.rate(), unit: this.#unit, share: this.#shownShare };
    if (this.#mode === "lines") {
      this.#stream.write(`${formatProgress(state, line)}\n`);
    } else {
      // One column stays free: a full line would wrap and could not be drawn again.
      const width = this.#stream.columns() - 1;
      this.#stream.redraw(formatBar(state, { ...line, width }));
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

/** Work that is less done than this tells nothing of how long the rest takes. */
const TELLING_SHARE = 0.05;

/** Gives the seconds that are left of work whose parts take equally long, once a part of it is done. */
export function secondsLeftAt(share: number, seconds: number): number | undefined {
  return share >= TELLING_SHARE ? seconds * (1 - share) / share : undefined;
}

/** What a progress line is made with. */
export interface LineOptions {
  /** Units per second; NaN when it is not known. */
  readonly rate: number;
  /** What is counted. */
  readonly unit: string;
  /** Share to show; that of the state when absent. */
  readonly share?: number;
}

/** Writes a plain progress line with everything that is known. */
export function formatProgress(state: ProgressState, options: LineOptions): string {
  const { share = shareOf(state) } = options;
  return [formatShare(share), ...details(state, options)].join(", ");
}

/** Reads what a line that `formatProgress` wrote tells: the share, and the phase where there is one. */
export function parseProgress(
  line: string,
): { readonly share: number; readonly phase: string | undefined } | undefined {
  const [whole, share, phase] =
    line.match(/^(\d{1,3})%, (?:[^,]* left, )?(?:([a-z-]+) \S+ of )?/) ??
      [];
  return whole === undefined ? undefined : { share: Number(share) / 100, phase };
}

/** Writes the progress line of a terminal, at most `width` characters: a bar and what fits. */
export function formatBar(
  state: ProgressState,
  { width, share: part = shareOf(state), ...options }: LineOptions & { readonly width: number },
): string {
  const share = formatShare(part).padStart(4);
  const parts = details(state, options);
  let text = "";
  const room = width - share.length - MIN_BAR_WIDTH - 4;
  for (const part of parts) {
    if (text.length + 2 + part.length <= room) text += `  ${part}`;
    else {
      // The name of a phase tells more than nothing, where its counts do not fit.
      const { phase } = state;
      const isPhase = phase !== undefined && part.startsWith(phase);
      if (isPhase && text.length + 2 + phase.length <= room) text += `  ${phase}`;
      break;
    }
  }
  const barWidth = Math.min(MAX_BAR_WIDTH, width - share.length - 3 - text.length);
  if (barWidth < 1) return share.slice(0, Math.max(0, width));
  const filled = Math.floor(barWidth * part);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${share}${text}`;
}

function details(state: ProgressState, { rate, unit }: LineOptions): string[] {
  const { done, total, phase, whole } = state;
  const seconds = whole ? whole.secondsLeft : rate > 0 ? (total - done) / rate : undefined;
  const left = seconds === undefined ? [] : [`${formatDuration(seconds)} left`];
  const speed = !whole && rate > 0 ? [`${formatCount(Number(rate.toPrecision(3)))}/s`] : [];
  const counts = phase === undefined
    ? `${formatCount(done)}/${formatCount(total)} ${unit}`
    : `${phase} ${formatCount(done)} of ${formatCount(total)}`;
  const [first, ...rest] = (state.facts ?? []).map(([label, value]) => `${label} ${value}`);
  const facts = first === undefined ? [] : [first];
  return phase === undefined
    ? [...left, ...facts, counts, ...speed, ...rest]
    : [...left, counts, ...facts, ...speed, ...rest];
}

function shareOf({ done, total, whole }: ProgressState): number {
  if (whole) return whole.share ?? 0;
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
}

function formatShare(share: number): string {
  return `${Math.floor(100 * share)}%`;
}
