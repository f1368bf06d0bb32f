/** The tables of the experiments: every row can be run. */

import assert from "node:assert/strict";
import { run } from "../support/program.ts";
import { PRESET, type Row, TABLES } from "./tables.ts";

/** What the program says to a row's configuration. */
async function dryRun({ env, steps, preset = PRESET, set = {} }: Row): Promise<string> {
  const options = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const argv = ["train", "--env", env, "--steps", `${steps}`, "--preset", preset, ...options];
  const { code, stderr } = await run([...argv, "--dry-run", "--quiet"]);
  return code === 0 ? "fine" : stderr;
}

Deno.test("TABLES has rows that the program accepts, and no run twice", async () => {
  for (const [table, rows] of Object.entries(TABLES)) {
    for (const row of rows) assert.equal(await dryRun(row), "fine", table);
    const names = rows.map(({ env, steps, variant }: Row) => `${env} ${steps} ${variant}`);
    assert.equal(new Set(names).size, names.length, table);
  }
  assert.match(await dryRun({ ...TABLES.returns[0], set: { "no.option": 1 } }), /no\.option/);
});
