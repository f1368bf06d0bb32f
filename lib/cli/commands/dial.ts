/** `udrlpg dial`: writes a page in which a generator answers requests live. */

import { merge, object } from "@optique/core/constructs";
import { dirname, join } from "node:path";
import { reachableRange } from "../../generator/calibration.ts";
import { loadGenerator, readGeneratorEnvironment } from "../../generator/generator_file.ts";
import { formatNumber, roundDown } from "../../numbers/format.ts";
import { dialData, MAX_DIALS, renderDial } from "../../report/dial/dial.ts";
import { UsageError } from "../../system/errors.ts";
import { writeFileAtomic } from "../../system/files.ts";
import {
  GENERATOR_OPTIONS,
  type GeneratorOptions,
  generatorOptions,
  generatorWord,
} from "../generator_source.ts";
import { setting } from "../options.ts";
import { generatorFileOf, requirePath } from "../paths.ts";
import type { Command, CommandContext } from "../program.ts";
import { fileValue, numberListValue } from "../values.ts";

/** The options of `udrlpg dial`. */
export interface DialValues extends Pick<GeneratorOptions, "path" | "run" | "generator"> {
  /** --returns */
  readonly returns: readonly number[] | undefined;
  /** --out */
  readonly out: string | undefined;
}

/** Where dials stand when nobody says: shares of the reachable range. */
const DEFAULT_SHARES = [0.25, 1];

/** The `dial` command. */
export const dialCommand: Command<DialValues> = {
  description: [
    "The page holds the generator, the environment and its physics, and asks no network for anything. A dial sets the wanted return: the policy is made in the page, its body moves live, and finished episodes gather in a histogram beside the wanted value. Bodies can be pushed, dials added, and each policy downloaded as an ONNX file.",
    "Only the program's own environments can run in a page.",
  ],
  examples: [
    { command: "udrlpg dial --run runs/cartpole", does: "Write dial.html into the run" },
    {
      command: "udrlpg dial runs/swimmer --out swimmer.html",
      does: "Somewhere else: open it in a browser",
    },
    {
      command: "udrlpg dial runs/swimmer --returns 50,150,300 --out three.html",
      does: "Three dials side by side",
    },
  ],
  exclusive: [GENERATOR_OPTIONS],
  parser: () =>
    merge(
      object("The generator", { path: generatorWord(), ...generatorOptions() }),
      object("The page", {
        returns: setting(
          "--returns",
          numberListValue("R,R,..."),
          `Where the dials stand at first, up to ${MAX_DIALS} (default: one low, one at the best)`,
        ),
        out: setting(
          "--out",
          fileValue("FILE", [".html"]),
          "Where to write it (default: dial.html beside the generator)",
        ),
      }),
    ),
  run: runDial,
};

async function runDial(values: DialValues, context: CommandContext): Promise<void> {
  const { program, origin, output } = context;
  const { run, generator: file, out, returns } = values;
  if (out !== undefined && !out.toLowerCase().endsWith(".html")) {
    throw new UsageError(
      `Cannot make dial: --out must end in .html, got ${JSON.stringify(out)}`,
    );
  }
  if (returns !== undefined && returns.length > MAX_DIALS) {
    throw new UsageError(
      `Cannot make dial: --returns must name at most ${MAX_DIALS}, got ${returns.length}`,
    );
  }
  const source = generatorFileOf(requirePath({
    does: "make a dial",
    word: values.path,
    options: { "--run": run, "--generator": file },
    origin,
  }));
  const [registry, models] = await Promise.all([program.registry(), program.models()]);
  const { id, command } = readGeneratorEnvironment(source);
  if (command !== undefined || id !== undefined && !registry.ids.includes(id)) {
    throw new UsageError(
      `Cannot make dial: a page plays the program's own environments, got ${JSON.stringify(id)}, ` +
        "which runs in a process of its own: use `udrlpg play`",
    );
  }
  const generator = loadGenerator(source, {
    specOf: (id) => registry.spec(id),
    models,
    session: { device: "cpu" },
  });
  const { min, max } = reachableRange(generator.calibration);
  const data = dialData(generator, {
    returns: returns ??
      [...new Set(DEFAULT_SHARES.map((share) => roundDown(min + share * (max - min), 3)))],
    physics: await registry.physicsFiles?.(generator.spec.id),
  });
  const html = await renderDial(generator, data);
  const path = out ?? join(dirname(source), "dial.html");
  writeFileAtomic(path, html, { kind: "page", followLinks: out !== undefined });
  const bytes = new TextEncoder().encode(html).length;
  const document = {
    env: generator.spec.id,
    page: path,
    returns: data.returns,
    reachable: [min, max],
    bytes,
  };
  output.result(document, () => [
    `Environment  ${generator.spec.id}`,
    `Dials        ${data.returns.map((one) => formatNumber(one)).join(", ")}`,
    `Reachable    ${formatNumber(min)} to ${formatNumber(max)}`,
    `Page         ${path}, ${formatNumber(bytes / 1e6, 2)} MB: open it in a browser`,
  ]);
}
