/** Measures memory per input, so that none answers for what earlier ones left. */

const MEBIBYTE = 2 ** 20;
const PEAK_PATTERN = /^VmHWM:\s*([0-9]+) kB$/m;

/**
 * Returns the most memory that the process held since the last call, in MiB; then lets what nobody uses be
 * collected, where it runs with --expose-gc, and starts anew. Elsewhere than on Linux it is what is held now.
 */
export function takePeakMebibytes(): number {
  const peak = readPeakMebibytes();
  (globalThis as { gc?: () => void }).gc?.();
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Not Linux, or not permitted: the mark is that of the whole process.
  }
  return peak;
}

function readPeakMebibytes(): number {
  try {
    const match = PEAK_PATTERN.exec(Deno.readTextFileSync("/proc/self/status"));
    if (match !== null) return Number(match[1]) / 1024;
  } catch {
    // Not Linux.
  }
  return Deno.memoryUsage().rss / MEBIBYTE;
}
