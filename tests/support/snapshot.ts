import assert from "node:assert/strict";

/**
 * Compares text with the file of that name in the `snapshots` folder beside a test. To accept a
 * change after looking at it: `deno task snapshots`, which runs the tests with UPDATE_SNAPSHOTS=1.
 */
export async function assertSnapshot(test: string, name: string, actual: string): Promise<void> {
  const path = new URL(`snapshots/${name}`, test);
  if (Deno.env.get("UPDATE_SNAPSHOTS") === "1") {
    await Deno.mkdir(new URL("snapshots/", test), { recursive: true });
    await Deno.writeTextFile(path, actual);
  }
  assert.equal(actual, await Deno.readTextFile(path));
}
