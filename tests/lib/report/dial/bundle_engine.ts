/**
 * The build step of a dial's engine: lib/report/dial/engine.ts and everything it imports, the environments
 * and the networks among it, as one script that pages hold. Only `deno task dial` and the test that builds
 * it again use this, so that esbuild stays a development dependency.
 */

import { build, type Plugin } from "esbuild";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../../../", import.meta.url);

/** Where the script is kept. */
export const BUNDLE: URL = new URL("lib/report/dial/engine_bundle.js", ROOT);

/** What the page's script calls: `udrlpgEngine(generator)` gives an engine. */
const ENTRY = `
import { registry } from "./envs/registry.ts";
import { models } from "./models/models.ts";
import { openEngine } from "./lib/report/dial/engine.ts";
globalThis.udrlpgEngine = (generator) => openEngine(generator, { registry, models });
`;

/** The page loads the physics engine itself, out of what it holds. */
const PHYSICS = "export default () => globalThis.udrlpgPhysics();";

/** What to say above the script. */
const BANNER = "// Written by `deno task dial` from engine.ts: do not edit.";

const pages: Plugin = {
  name: "pages",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^@mujoco\/mujoco$/ }, () => ({ path: "physics", namespace: "page" }));
    onLoad({ filter: /.*/, namespace: "page" }, () => ({ contents: PHYSICS, loader: "js" }));
    // It reads files, which a page does not have: what makes the page does that.
    onResolve({ filter: /\/physics_files\.ts$/ }, () => ({ path: "none", namespace: "nothing" }));
    onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export {};" }));
    // Nothing that a page runs may need packages; the test would find them in the script.
    onResolve({ filter: /^[^.]/ }, ({ path }) => ({ path, external: true, sideEffects: false }));
    // No module of the program does anything when it is imported: what nobody uses can go.
    onResolve({ filter: /^\./ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === pages) return undefined;
      const found = await resolve(path, { ...options, pluginData: pages });
      return { ...found, sideEffects: false };
    });
  },
};

/** Builds the script. The pinned bundler gives the same text for the same sources. */
export async function bundleEngine(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(ROOT), loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    minifyWhitespace: true,
    minifySyntax: true,
    // Lines of a length that tools can show.
    lineLimit: 1000,
    charset: "utf8",
    legalComments: "none",
    plugins: [pages],
    logLevel: "error",
    tsconfigRaw: "{}",
  });
  return `${BANNER}\n${outputFiles[0].text}`;
}

if (import.meta.main) Deno.writeTextFileSync(BUNDLE, await bundleEngine());
