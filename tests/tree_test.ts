import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import {
  findBrokenRules,
  findMissingNames,
  FLOORS,
  listImports,
  listRooms,
} from "./support/tree_rules.ts";

const ROOT = new URL("../", import.meta.url);
const PACKAGES = Object.keys(project.imports);

function readSources(): Map<string, string> {
  const sources = new Map<string, string>();
  const read = (path: string) => sources.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
  const walk = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
      if (isDirectory) walk(`${folder}${name}/`);
      else if (name.endsWith(".ts") && !name.endsWith(".as.ts")) read(`${folder}${name}`);
    }
  };
  read("main.ts");
  for (const folder of ["lib/", "envs/", "models/"]) walk(folder);
  return sources;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** Applies the rules to files given as [path, source]. */
function check(...files: [path: string, source: string][]): string[] {
  return findBrokenRules(new Map(files), ["onnxruntime-node", "fast-check"]);
}

Deno.test("the tree keeps its rules: imports point one way, time and chance have one place", () => {
  const sources = readSources();
  assert.ok(sources.size > 100);
  assert.deepEqual(findBrokenRules(sources, PACKAGES), []);
});

Deno.test("listImports() finds every form of import, and none in comments", () => {
  const source = `
/** import x from "./no.ts" and import("./no.ts") */
import { a } from "./a.ts";
import {
  b,
  type B,
} from "./b.ts";
import type { C } from './c.ts';
import { type D, type E } from "./d.ts";
import * as f from "./f.ts";
import "./g.ts";
export { h } from "./h.ts";
export const url = "https://i"; // import("./no.ts")
const j = await import("./j.ts"), k = await import(
  "./k.ts"
);
const l = import(name);
`;
  assert.deepEqual(
    listImports(source).map(({ specifier, kind }) => `${kind} ${specifier}`),
    [
      "value ./a.ts",
      "value ./b.ts",
      "type ./c.ts",
      "type ./d.ts",
      "value ./f.ts",
      "value ./g.ts",
      "value ./h.ts",
      "dynamic ./j.ts",
      "dynamic ./k.ts",
      "dynamic undefined",
    ],
  );
});

Deno.test("findBrokenRules() accepts a tree that keeps the rules", () => {
  assert.deepEqual(
    check(
      ["main.ts", 'import { a } from "./lib/cli/a.ts";\nconst e = import("./envs/e.ts");'],
      ["envs/mujoco/e.ts", 'import { b } from "../float.ts";\nimport c from "../../lib/env.ts";'],
      ["lib/cli/a.ts", 'import { t } from "../algorithm/trainer.ts";'],
      ["lib/algorithm/trainer.ts", 'import type { r } from "./reports.ts";\nimport "node:path";'],
      ["lib/algorithm/reports.ts", 'import { t } from "./trainer.ts";'],
      ["lib/autodiff/adam.ts", 'import { add } from "./tensor.ts";'],
      ["lib/model.ts", 'import type { Tensor } from "./autodiff/node.ts";'],
      ["lib/onnx/policy.ts", 'import type { Policy } from "../model.ts";'],
      ["lib/system/clock.ts", "export const now = () => performance.now();"],
      ["lib/onnx/session.ts", 'const ort = await import("onnxruntime-node");'],
    ),
    [],
  );
});

Deno.test("findBrokenRules() names imports up, sideways and of a higher floor, of any kind", () => {
  assert.deepEqual(
    check(
      ["lib/a.ts", 'import { main } from "../main.ts";'],
      ["lib/b.ts", 'import type { Registry } from "../envs/registry.ts";'],
      ["envs/c.ts", 'const p = await import("../models/policy.ts");'],
      ["models/d.ts", 'import { e } from "../envs/e.ts";'],
      ["lib/algorithm/trainer.ts", 'import { o } from "../cli/output.ts";'],
      ["envs/f.ts", 'import { o } from "../lib/cli/output.ts";'],
      ["lib/numbers/rng.ts", 'import { fail } from "../system/errors.ts";'],
      ["lib/autodiff/g.ts", 'import type { Model } from "../model.ts";'],
      ["lib/env.ts", 'import { rng } from "./numbers/rng.ts";'],
      ["lib/flat.ts", 'import { rng } from "./numbers/rng.ts";'],
      ["lib/attic/h.ts", 'import { rng } from "../numbers/rng.ts";'],
      ["lib/config/config.ts", 'import project from "../../deno.json" with { type: "json" };'],
    ),
    [
      "lib/a.ts imports main.ts: lib imports only lib/, deno.json and packages",
      "lib/b.ts imports envs/registry.ts: lib imports only lib/, deno.json and packages",
      "envs/c.ts imports models/policy.ts: envs imports only lib/, envs/ and packages",
      "models/d.ts imports envs/e.ts: models imports only lib/, models/ and packages",
      "lib/algorithm/trainer.ts imports lib/cli/output.ts: algorithm stands below cli",
      "envs/f.ts imports lib/cli/output.ts: only main.ts imports the command line",
      "lib/numbers/rng.ts imports lib/system/errors.ts: numbers stands beside system",
      "lib/autodiff/g.ts imports lib/model.ts: autodiff stands below contracts",
      "lib/env.ts imports lib/numbers/rng.ts: contracts stands below numbers",
      "lib/flat.ts imports lib/numbers/rng.ts: a file of lib is in a room of a floor",
      "lib/attic/h.ts imports lib/numbers/rng.ts: a file of lib is in a room of a floor",
      "lib/config/config.ts imports deno.json: only lib/system/version.ts reads it",
    ],
  );
});

Deno.test("findBrokenRules() names packages out of place, unknown and computed specifiers", () => {
  assert.deepEqual(
    check(
      ["lib/learner/learner.ts", 'import type { Tensor } from "onnxruntime-node";'],
      ["lib/a.ts", 'import { x } from "left-pad";\nimport "https://example.org/x.ts";'],
      ["lib/b.ts", "const module = await import(name);"],
    ),
    [
      "lib/learner/learner.ts imports onnxruntime-node: only lib/onnx/session.ts may",
      "lib/a.ts imports left-pad: no package of deno.json",
      "lib/a.ts imports https://example.org/x.ts: no package of deno.json",
      "lib/b.ts imports a computed specifier",
    ],
  );
});

Deno.test("findBrokenRules() names clocks, chance, default exports, barrels and cycles", () => {
  assert.deepEqual(
    check(
      ["lib/a.ts", "const x = Math.random() + Date.now(); // not Date.now()"],
      ["envs/b.ts", "export default 1;\nconst t = new Date();"],
      ["lib/run/c.ts", 'export * from "./d.ts";\nexport type { E } from "./e.ts";'],
      ["lib/run/d.ts", 'import { c } from "./c.ts";'],
      ["lib/e.ts", "export { local };\nexport const fromHere = 1;"],
    ),
    [
      "lib/a.ts uses Math.random: only lib/system/clock.ts may",
      "lib/a.ts uses Date.now: only lib/system/clock.ts may",
      "envs/b.ts has a default export",
      "envs/b.ts uses new Date(): only lib/system/clock.ts may",
      "lib/run/c.ts exports again what another has",
      "lib/run/c.ts imports itself: lib/run/c.ts -> lib/run/d.ts -> lib/run/c.ts",
    ],
  );
});

Deno.test("lib/README.md says of every room, floor by floor, what it is for", () => {
  const map = Deno.readTextFileSync(new URL("lib/README.md", ROOT));
  const { rooms, contracts } = listRooms(map);
  assert.deepEqual(rooms, FLOORS.flat());
  const there = [...Deno.readDirSync(new URL("lib/", ROOT))];
  const names = (isFolder: boolean) =>
    there.filter((entry) => entry.isDirectory === isFolder).map(({ name }) => name).sort();
  assert.deepEqual(rooms.toSorted(), names(true));
  assert.deepEqual(contracts.toSorted(), names(false).filter((name) => name.endsWith(".ts")));
});

Deno.test("listRooms() reads one sentence for a room, and leaves out what has none", () => {
  const text =
    "- `a/`: what a is for.\n- `b/`:\n- `c.ts`: a contract,\n  in two lines.\n- `d/`: no end\n";
  assert.deepEqual(listRooms(text), { rooms: ["a"], contracts: ["c.ts"] });
});

for (const page of ["README.md", "lib/README.md", "tests/bench/README.md"]) {
  Deno.test(`${page} names paths and tasks that exist`, () => {
    const text = Deno.readTextFileSync(new URL(page, ROOT));
    const tasks = Object.keys(project.tasks);
    assert.deepEqual(findMissingNames(text, { exists, tasks }), { paths: [], tasks: [] });
  });
}

Deno.test("findMissingNames() names paths and tasks that do not exist", () => {
  const text = "See `lib/gone.ts`, [page](tests/gone/), `lib/numbers/rng.ts` and `lib/`.\n" +
    "    npx -y deno@2.9.6 task launch\n`deno task -q test`, `deno task udrlpg ARGS`.";
  const known = { exists: (path: string) => ["lib/numbers/rng.ts", "lib/"].includes(path) };
  assert.deepEqual(findMissingNames(text, { ...known, tasks: ["test", "udrlpg"] }), {
    paths: ["lib/gone.ts", "tests/gone/"],
    tasks: ["launch"],
  });
});
