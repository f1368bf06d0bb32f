/** Opens pages in headless Chromium, where there is one. */

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of a browser; undefined when this machine has none. */
export function findBrowser(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Opens a page without a network, lets its scripts run, and gives its document and what it logged. */
export async function openPage(
  url: string,
  { browser, dark = false }: { readonly browser: string; readonly dark?: boolean },
): Promise<{ readonly html: string; readonly log: string }> {
  const profile = await Deno.makeTempDir();
  try {
    const { stdout, stderr } = await new Deno.Command(browser, {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        `--user-data-dir=${profile}`,
        "--window-size=1280,900",
        "--virtual-time-budget=1000",
        ...(dark ? ["--blink-settings=preferredColorScheme=0"] : []),
        "--dump-dom",
        url,
      ],
    }).output();
    const decoder = new TextDecoder();
    const log = decoder.decode(stderr).split("\n").filter((line) => line.includes("CONSOLE"));
    return { html: decoder.decode(stdout), log: log.join("\n") };
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}

/** Finds addresses in a page that a browser could ask a network for. */
export function addressesIn(html: string): string[] {
  return html.match(/\b(?:https?|wss?|ftp):\/\/[^\s"'<>)]+|(?:src|href)\s*=\s*["'][^"']+/gi) ?? [];
}
