/** Makes a temporary folder in memory where there is one: for tests that write thousands of files. */
export function makeFastFolder(): string {
  try {
    return Deno.makeTempDirSync({ dir: "/dev/shm" });
  } catch {
    return Deno.makeTempDirSync();
  }
}
