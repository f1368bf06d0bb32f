/** A command that plays environments in child processes keeps the permission to start them. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const COMMANDS = fileURLToPath(new URL("../../../lib/cli/commands", import.meta.url));

/** Lists the files of commands in which `startsPrograms` is not what their code needs. */
function findMisjudged(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    const starts = /\b(withEnvironments|withGymnasium)\(/.test(text);
    return starts === /^ {2}startsPrograms: true,$/m.test(text) ? [] : [path];
  });
}

function readFolder(folder: string): [path: string, text: string][] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? readFolder(path) : [[path, Deno.readTextFileSync(path)]];
  });
}

Deno.test("a command says that it starts programs where it plays environments, and only there", () => {
  const files = new Map(readFolder(COMMANDS));
  const starting = [...files].filter(([, text]) => text.includes("startsPrograms: true"));
  assert.ok(starting.length >= 10, `${starting.length}`);
  assert.deepEqual(findMisjudged(files), []);
});

Deno.test("findMisjudged() names a command that starts environments without saying so", () => {
  const run = "  run: (values, context) => withEnvironments(values, context, work),\n};";
  const says = "  startsPrograms: true,\n";
  const files = new Map([["bad.ts", run], ["good.ts", says + run], ["idle.ts", says]]);
  assert.deepEqual(findMisjudged(files), ["bad.ts", "idle.ts"]);
});
