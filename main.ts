/** The program: from the command line to an exit code. It wires environments and models into lib/. */

import type { TextStream } from "./lib/cli/program.ts";
import { runProgram } from "./lib/cli/run_program.ts";
import { listenForSignals } from "./lib/cli/signals.ts";
import { systemClock } from "./lib/system/clock.ts";
import { VERSION } from "./lib/system/version.ts";

const DEFAULT_COLUMNS = 80;

function textStream(stream: typeof Deno.stdout | typeof Deno.stderr): TextStream {
  const encoder = new TextEncoder();
  return {
    isTerminal: stream.isTerminal(),
    write(text) {
      for (let bytes = encoder.encode(text); bytes.length > 0;) {
        try {
          bytes = bytes.subarray(stream.writeSync(bytes));
        } catch (error) {
          // The reader has gone, as in `udrlpg envs | head -1`: nobody is left to be told.
          if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
          throw error;
        }
      }
    },
    columns() {
      try {
        return Deno.consoleSize().columns || DEFAULT_COLUMNS;
      } catch {
        return DEFAULT_COLUMNS;
      }
    },
  };
}

if (import.meta.main) {
  Deno.exitCode = await runProgram(Deno.args, {
    version: VERSION,
    registry: async () => (await import("./envs/registry.ts")).registry,
    models: async () => (await import("./models/models.ts")).models,
    modules: {
      registry: import.meta.resolve("./envs/registry.ts"),
      models: import.meta.resolve("./models/models.ts"),
    },
    stdout: textStream(Deno.stdout),
    stderr: textStream(Deno.stderr),
    clock: systemClock(),
    env: (name) => Deno.env.get(name),
    listen: () => listenForSignals(Deno),
  });
}
