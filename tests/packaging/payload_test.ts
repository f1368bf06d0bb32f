import assert from "node:assert/strict";
import { join } from "node:path";
import { runMainJob } from "./main_job.ts";
import {
  BINARIES,
  executableFlags,
  listFiles,
  PACKAGES,
  permissionFlags,
  PLATFORMS,
  readProject,
  ROOT,
  stageProgram,
} from "./payload.ts";

/** The packages that the program's own modules import. */
function importedPackages(): Set<string> {
  const files = ["lib", "envs", "models"].flatMap((folder) => listFiles(join(ROOT, folder), ROOT));
  const names = new Set<string>();
  for (const file of ["main.ts", ...files]) {
    if (file.endsWith(".as.ts")) continue;
    const text = Deno.readTextFileSync(join(ROOT, file)).replaceAll(/^ *\*.*$/gm, "");
    for (const [, name] of text.matchAll(/(?:from |import\(|resolve\()"([^"]*)"/g)) {
      if (/^[@a-z]/.test(name) && !name.startsWith("node:")) {
        names.add(name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/"));
      }
    }
  }
  return names;
}

Deno.test("PACKAGES names every package that the program imports", () => {
  const direct = Object.keys(PACKAGES).filter((name) => PACKAGES[name].beside === undefined);
  assert.deepEqual(direct.sort(), [...importedPackages()].sort());
});

Deno.test("PLATFORMS names every platform that onnxruntime-node ships", () => {
  const binaries = join(ROOT, "node_modules", "onnxruntime-node", BINARIES);
  const shipped = [...Deno.readDirSync(binaries)].flatMap(({ name }) =>
    [...Deno.readDirSync(join(binaries, name))].map((arch) => `${name}/${arch.name}`)
  );
  const known = Object.values(PLATFORMS).map(({ folder }) => folder);
  assert.deepEqual(known.sort(), shipped.sort());
});

Deno.test("permissionFlags() reads the task's permissions and refuses all of them", () => {
  const udrlpg = "deno run -q --no-prompt --allow-read '--allow-env=A_*,B' --deny-net main.ts";
  assert.deepEqual(permissionFlags({ tasks: { udrlpg } }), [
    "--no-prompt",
    "--allow-read",
    "--allow-env=A_*,B",
    "--deny-net",
  ]);
  for (const task of ["deno run -A main.ts", "deno run --allow-all main.ts", "deno run main.ts"]) {
    assert.throws(() => permissionFlags({ tasks: { udrlpg: task } }), {
      message: /^Cannot build executable: the task "udrlpg" must name its permissions, got /,
    });
  }
  const flags = permissionFlags(readProject());
  assert.ok(!flags.some((flag) => /net|allow-import|allow-run/.test(flag)), flags.join(" "));
  assert.deepEqual(executableFlags(readProject()), [...flags, "--allow-run"]);
});

Deno.test("a staged program does the main job without a network or a home folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const stage = join(folder, "a stage");
    const files = stageProgram(stage, { platform: PLATFORMS[Deno.build.target], commit: "c0ffee" });
    assert.ok(files.includes("main.ts"));
    const options = ["--config", join(stage, "deno.json"), "--no-lock", "--cached-only"];
    const program = [
      ...[Deno.execPath(), "run", ...options, "--no-remote", "--node-modules-dir=manual"],
      ...permissionFlags(readProject()),
      join(stage, "main.ts"),
    ];
    const { steps } = await runMainJob({
      program,
      folder,
      env: { DENO_DIR: join(folder, "deno") },
    });
    assert.match(steps[0].stdout, /^commit c0ffee$/m);
    assert.deepEqual(steps.map(({ words }) => words[0]), [
      "--version",
      "train",
      "generate",
      "evaluate",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
