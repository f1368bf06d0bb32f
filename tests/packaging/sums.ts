/** `deno task sums`: writes the SHA-256 sums of the executables in dist/ as `sha256sum -c` reads them. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { listFiles, ROOT } from "./payload.ts";

/** The file of sums, beside the files that it names. */
export const SUMS_FILE = "SHA256SUMS";

/** Writes the sums of all files in a folder; gives what was written. */
export function writeSums(folder: string): string {
  const files = listFiles(folder).filter((file) => file !== SUMS_FILE);
  const lines = files.map((file) => {
    const hash = createHash("sha256").update(Deno.readFileSync(join(folder, file))).digest("hex");
    return `${hash}  ${file}\n`;
  });
  Deno.writeTextFileSync(join(folder, SUMS_FILE), lines.join(""));
  return lines.join("");
}

if (import.meta.main) {
  await Deno.stdout.write(new TextEncoder().encode(writeSums(join(ROOT, "dist"))));
}
