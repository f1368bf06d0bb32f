/** The program: from the command line to an exit code. It wires environments and models into lib/. */

import { exactSink } from "./lib/cli/exact_sink.ts";
import { runProgram } from "./lib/cli/run_program.ts";
import { listenForSignals } from "./lib/cli/signals.ts";
import { openTextStream } from "./lib/cli/text_stream.ts";
import { systemClock } from "./lib/system/clock.ts";
import { VERSION } from "./lib/system/version.ts";

/** The input whose end means that the program which started this one is gone. */
function parentInput(): ReadableStream<Uint8Array> | undefined {
  const isHandedOver = Deno.env.get("UDRLPG_STOP_WITH_INPUT") === "1" &&
    !Deno.stdin.readable.locked;
  return isHandedOver ? Deno.stdin.readable : undefined;
}

/** Runs the program with this process's streams, variables and signals; gives its exit code. */
export async function main(words: readonly string[]): Promise<number> {
  const columns = () => Deno.consoleSize().columns;
  return await runProgram(words, {
    version: VERSION,
    registry: async () => (await import("./envs/registry.ts")).registry,
    models: async () => (await import("./models/models.ts")).models,
    modules: {
      registry: import.meta.resolve("./envs/registry.ts"),
      models: import.meta.resolve("./models/models.ts"),
    },
    stdout: openTextStream(exactSink(Deno.stdout), { name: "stdout", columns }),
    stderr: openTextStream(Deno.stderr, { columns }),
    clock: systemClock(),
    env: (name) => Deno.env.get(name),
    listen: () => listenForSignals(Deno, parentInput()),
    giveUpPrograms: () => void Deno.permissions.revokeSync({ name: "run" }),
  });
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
