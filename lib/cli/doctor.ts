/** `udrlpg doctor`: tries what the program needs on this machine and says what is missing. */

import { object } from "@optique/core/constructs";
import { FileError } from "../errors.ts";
import type { Command, CommandContext } from "./program.ts";
import { folderValue, settingOr } from "./values.ts";

/** The options of `udrlpg doctor`. */
export interface DoctorValues {
  /** --folder */
  readonly folder: string;
}

/** One thing that was tried. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
}

/** The `doctor` command. */
export const doctorCommand: Command<DoctorValues> = {
  description: [
    "Runs the physics engine and ONNX Runtime for a moment, and writes and removes a file. Ends with the exit code 3 when something that training needs does not work.",
  ],
  examples: [
    { command: "udrlpg doctor", does: "Try everything here" },
    { command: "udrlpg doctor --folder /scratch", does: "Try writing into another folder" },
    { command: "udrlpg doctor --json", does: "For a script, or for a report of a problem" },
  ],
  parser: () =>
    object("What to try", {
      folder: settingOr("--folder", folderValue("DIR"), {
        fallback: ".",
        doc: "Folder that runs will be written into",
      }),
    }),
  async run({ folder }, context) {
    const findings = [
      describeProgram(context),
      await attempt("physics", () => tryPhysics(context)),
      await attempt("onnx runtime", () => tryRuntime(context)),
      await attempt("writing", () => tryWriting(folder)),
    ];
    const ok = findings.every((finding) => finding.ok);
    context.output.result(
      { ok, findings },
      () =>
        findings.map(({ name, ok, found }) => `${ok ? "ok  " : "FAIL"}  ${name.padEnd(14)}${found}`)
          .join("\n"),
    );
    if (!ok) {
      const failed = findings.filter((finding) => !finding.ok).map(({ name }) => name);
      throw new FileError(`Cannot train on this machine: ${failed.join(" and ")} must work`);
    }
  },
};

async function attempt(name: string, work: () => string | Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, found: await work() };
  } catch (error) {
    const found = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { name, ok: false, found };
  }
}

function describeProgram({ program }: CommandContext): Finding {
  const { deno, v8 } = Deno.version;
  const { os, arch } = Deno.build;
  const cores = navigator.hardwareConcurrency;
  return {
    name: "program",
    ok: true,
    found: `udrlpg ${program.version}, Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${cores} cores`,
  };
}

/** How many steps the engine is run for. */
const PHYSICS_STEPS = 1000;

async function tryPhysics({ program }: CommandContext): Promise<string> {
  const registry = await program.registry();
  const id = "InvertedPendulum-v5";
  const env = await registry.make(id);
  try {
    const action = Float64Array.of(0);
    await env.reset(0);
    const start = program.clock.monotonicMs();
    for (let i = 0; i < PHYSICS_STEPS; i++) {
      const { terminated, truncated } = await env.step(action);
      if (terminated || truncated) await env.reset();
    }
    const elapsed = program.clock.monotonicMs() - start;
    return `MuJoCo, ${(1000 * elapsed / PHYSICS_STEPS).toFixed(0)} us for a step of ${id}`;
  } finally {
    await env.close();
  }
}

/** Widths of the policy that the runtime is tried with. */
const HIDDEN_SIZES = [32];

async function tryRuntime({ program }: CommandContext): Promise<string> {
  const [registry, models, { describeRuntime }, { exportOnnx }, { createSession }] = await Promise
    .all([
      program.registry(),
      program.models(),
      import("../onnx/backends.ts"),
      import("../onnx/export.ts"),
      import("../onnx/session.ts"),
    ]);
  const { version, backends } = await describeRuntime();
  const spec = registry.spec(registry.ids[0]);
  const shape = models.policyShape(spec, HIDDEN_SIZES);
  const size = shape.sizes[0];
  const normaliser = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  const parameters = new Float32Array(shape.parameterCount);
  const graph = models.tracePolicy(spec, shape, { parameters, normaliser });
  const session = await createSession(exportOnnx(graph, { name: "doctor" }));
  await session.run({ observation: { data: new Float32Array(size), shape: [1, size] } });
  await session.release();
  return `ONNX Runtime ${version} runs a policy; it brings ${backends.join(", ")}`;
}

function tryWriting(folder: string): string {
  const path = Deno.makeTempFileSync({ dir: folder, prefix: ".udrlpg-doctor-" });
  Deno.writeTextFileSync(path, "written by udrlpg doctor");
  Deno.removeSync(path);
  return `files can be written to ${folder}`;
}
