import type { Interruption, Program } from "../../lib/cli/program.ts";
import type { TextStream } from "../../lib/cli/text_stream.ts";
import { runProgram } from "../../lib/cli/run_program.ts";
import type { Clock } from "../../lib/system/clock.ts";
import { registry } from "../../envs/registry.ts";
import { models } from "../../models/models.ts";

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  now = 0;
  monotonicMs(): number {
    return this.now;
  }
  epochMs(): number {
    return 1_700_000_000_000 + this.now;
  }
}

/** A stream that keeps what is written. */
export class CapturedStream implements TextStream {
  text = "";
  readonly isTerminal: boolean;
  readonly #columns: number;
  constructor({ isTerminal = false, columns = 80 } = {}) {
    this.isTerminal = isTerminal;
    this.#columns = columns;
  }
  write(text: string): void {
    this.text += text;
  }
  readonly bytes: number[] = [];
  writeBytes(bytes: Uint8Array): void {
    this.bytes.push(...bytes);
  }
  redraw(line: string): void {
    this.text += `\r${line}\x1b[K`;
  }
  columns(): number {
    return this.#columns;
  }
}

/** What a run of the program gave. */
export interface ProgramRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Surroundings of a run. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Takes what was written to stdout as bytes. */
  readonly takeBytes?: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Stands in for parts of the program. */
  readonly parts?: Partial<Program>;
}

/** Runs the program in process with the real environments and models, and captures its output. */
export async function run(argv: readonly string[], around: Surroundings = {}): Promise<ProgramRun> {
  const { env = {}, columns = 80, clock = new ManualClock() } = around;
  const stdout = new CapturedStream({ columns });
  const stderr = new CapturedStream({ columns });
  const interruption: Interruption = {
    signal: around.signal ?? new AbortController().signal,
    stop: () => {},
  };
  const code = await runProgram(argv, {
    version: "1.2.3",
    registry: () => Promise.resolve(registry),
    models: () => Promise.resolve(models),
    modules: {
      registry: import.meta.resolve("../../envs/registry.ts"),
      models: import.meta.resolve("../../models/models.ts"),
    },
    stdout,
    stderr,
    clock,
    env: (name) => env[name],
    listen: () => interruption,
    giveUpPrograms: () => {},
    ...around.parts,
  });
  around.takeBytes?.(Uint8Array.from(stdout.bytes));
  return { code, stdout: stdout.text, stderr: stderr.text };
}
