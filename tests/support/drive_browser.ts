/** Drives a page in headless Chromium by the DevTools protocol: scripts, keys, pointer, pictures. */

/** An open page. */
export interface DrivenPage {
  /** Runs an expression in the page, waits for its promise, and gives its value as JSON holds it. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true. @throws {Error} after so many seconds */
  until(expression: string, seconds?: number): Promise<void>;
  /** Calls a method of the protocol. */
  send(method: string, parameters?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** What the page logged as errors, and what it asked a network for. */
  readonly complaints: readonly string[];
  /** Ends the browser. */
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Opens a page, without a network. */
export async function drivePage(
  url: string,
  { browser, width = 1280, height = 900, dark = false }: {
    readonly browser: string;
    readonly width?: number;
    readonly height?: number;
    readonly dark?: boolean;
  },
): Promise<DrivenPage> {
  const profile = await Deno.makeTempDir();
  const child = new Deno.Command(browser, {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--host-resolver-rules=MAP * ~NOTFOUND",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
      "about:blank",
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  let port: string | undefined;
  while (port === undefined) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start browser: it must listen, got ${log}`);
    port = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(log += value)?.[1];
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const page = targets.find(({ type }: { type: string }) => type === "page");
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  await new Promise((resolve) => socket.onopen = resolve);
  const waiting = new Map<number, (message: Message) => void>();
  const complaints: string[] = [];
  socket.onmessage = ({ data }) => {
    const message: Message = JSON.parse(data);
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    complaints.push(...complaintsOf(message));
  };
  let count = 0;
  const send = async (method: string, params: Record<string, unknown> = {}) => {
    const id = ++count;
    const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    waiting.delete(id);
    if (error) throw new Error(`Cannot call ${method}: ${error.message}`);
    return result ?? {};
  };
  await Promise.all(
    ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"].map((name) => send(name)),
  );
  await send("Emulation.setDeviceMetricsOverride", {
    width,
    height,
    deviceScaleFactor: 1,
    mobile: width < 600,
  });
  const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
  await send("Emulation.setEmulatedMedia", { features });
  await send("Page.navigate", { url });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  };
  return {
    send,
    evaluate,
    complaints,
    async until(expression, seconds = 60) {
      for (let i = 0; i < seconds * 20; i++) {
        if (await evaluate<boolean>(`Boolean(${expression})`).catch(() => false)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`Cannot wait any longer for ${expression}: ${complaints.join("\n")}`);
    },
    async close() {
      socket.close();
      child.kill();
      await Promise.all([child.status, drained]);
      await Deno.remove(profile, { recursive: true }).catch(() => {}); // it may still be written to
    },
  };
}

/** Errors, and requests for anything but what the page itself holds. */
function complaintsOf({ method, params = {} }: Message): string[] {
  const text = () => JSON.stringify(params).slice(0, 500);
  if (method === "Runtime.exceptionThrown") return [text()];
  if (method === "Runtime.consoleAPICalled" && params.type === "error") return [text()];
  if (method === "Log.entryAdded") return [text()];
  if (method !== "Network.requestWillBeSent") return [];
  const { url } = params.request as { url: string };
  return /^(file|data|blob|about):/.test(url) ? [] : [url];
}
