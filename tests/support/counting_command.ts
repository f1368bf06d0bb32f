import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./counting_env.ts", import.meta.url));

/** The command that starts tests/support/counting_env.ts in one of its modes. */
export function countingCommand(mode = "good", ...rest: string[]): string {
  const words = [Deno.execPath(), "run", "--no-check", "-A", CHILD, mode, ...rest];
  return words.map((word) => `'${word}'`).join(" ");
}
