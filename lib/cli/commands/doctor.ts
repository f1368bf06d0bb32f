/** `udrlpg doctor`: tries what the program needs on this machine and says what is missing. */

import { object } from "@optique/core/constructs";
import type { Finding } from "../diagnosis.ts";
import { FileError } from "../../system/errors.ts";
import type { Command } from "../program.ts";
import { setting, settingOr } from "../options.ts";
import { folderValue, numberValue } from "../values.ts";

/** The options of `udrlpg doctor`. */
export interface DoctorValues {
  /** --folder */
  readonly folder: string;
  /** --seconds */
  readonly seconds: number;
  /** --cuda-path */
  readonly cudaPath: string | undefined;
}

const MAX_SECONDS = 600;

/** The `doctor` command. */
export const doctorCommand: Command<DoctorValues> = {
  description: [
    "Runs the physics engine, updates on every device and writes and removes files. Ends with the exit code 3 when something that training needs does not work.",
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
      seconds: settingOr("--seconds", numberValue({ metavar: "N", min: 0, max: MAX_SECONDS }), {
        fallback: 2,
        doc: "How long to measure updates on each device",
      }),
      cudaPath: setting(
        "--cuda-path",
        folderValue("DIR"),
        "Folder with ONNX Runtime's CUDA provider",
      ),
    }),
  async run(values, { program, output }) {
    const { examine, failuresOf } = await import("../diagnosis.ts");
    const findings = await examine({
      ...values,
      registry: await program.registry(),
      models: await program.models(),
      clock: program.clock,
      env: program.env,
    });
    const failures = failuresOf(findings);
    output.result({ ok: failures.length === 0, findings }, () => describe(findings));
    if (failures.length > 0) {
      throw new FileError(`Cannot train on this machine: ${failures.join(" and ")} must work`);
    }
  },
};

function describe(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ name, ok, isNeeded, found, advice = [] }) => {
    const state = ok ? "ok" : isNeeded ? "FAIL" : "no";
    return [
      `${state.padEnd(6)}${name.padEnd(13)}${found}`,
      ...advice.map((line) => `${" ".repeat(19)}- ${line}`),
    ];
  });
}
