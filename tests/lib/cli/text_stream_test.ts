/** What reaches a terminal, and what happens when nobody reads. */

import assert from "node:assert/strict";
import {
  openTextStream,
  printable,
  printableJson,
  printableLine,
  type Sink,
} from "../../../lib/cli/text_stream.ts";
import { CapturedStream, ManualClock, run } from "../../support/program.ts";
import { Output } from "../../../lib/cli/output.ts";

const HOSTILE = "\x1b]0;mine\x07\r\x08\x7f\x9b2J\u202egnp.exe\u2066\u200f";
// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202e\u2066]/;

Deno.test("printable() leaves nothing that a terminal obeys, and plain text as it is", () => {
  assert.doesNotMatch(printable(HOSTILE), OBEYED);
  assert.match(printable(HOSTILE), /^\\x1b\]0;mine\\x07\\x0d\\x08\\x7f\\x9b2J\\u\{202e\}gnp/);
  for (const text of ["ä ≤ 日本 👍\n", "\ttab\n", ""]) assert.equal(printable(text), text);
  assert.equal(printableLine("a\nb\tc"), "a\\x0ab\\x09c");
});

Deno.test("printableJson() can be read back to the same value", () => {
  const text = printableJson({ [HOSTILE]: HOSTILE });
  assert.doesNotMatch(text, OBEYED);
  assert.deepEqual(JSON.parse(text), { [HOSTILE]: HOSTILE });
});

function sinkOf(...answers: (number | Error)[]): Sink & { readonly taken: number[] } {
  const taken: number[] = [];
  return {
    taken,
    isTerminal: () => false,
    writeSync(bytes) {
      const answer = answers.shift() ?? bytes.length;
      if (answer instanceof Error) throw answer;
      taken.push(Math.min(answer, bytes.length));
      return Math.min(answer, bytes.length);
    },
  };
}

Deno.test("openTextStream() writes on where a sink takes a part or is busy", () => {
  const sink = sinkOf(2, new Deno.errors.WouldBlock("busy"), 3);
  openTextStream(sink, { name: "stdout", columns: () => 80 }).write("1234567");
  assert.deepEqual(sink.taken, [2, 3, 2, 0]);
});

Deno.test("stdout repeats and loses nothing where its reader is slow and does not block", async () => {
  const wanted = [10, 900, 1023, 1024, 5000, 30_000].map((length) => `${"x".repeat(length)}\n`);
  wanted.push("y\n".repeat(60_000), "no end");
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/wanted`, wanted.join(""));
  const lib = import.meta.resolve("../../../lib/cli/");
  Deno.writeTextFileSync(
    `${folder}/write.ts`,
    `import { exactSink } from "${lib}exact_sink.ts";
     import { openTextStream } from "${lib}text_stream.ts";
     const out = openTextStream(exactSink(Deno.stdout), { name: "stdout", columns: () => 80 });
     for (const text of ${JSON.stringify(wanted)}) out.write(text);`,
  );
  // dd makes the pipe one that does not block, and cat has a look at it now and then.
  const script = `(dd if=/dev/null oflag=nonblock status=none; exec "$0" run -q write.ts) |
    (sleep 1; dd bs=1000 count=30 status=none; sleep 0.1; cat) | cmp - wanted`;
  const { stdout, stderr, success } = await new Deno.Command("sh", {
    args: ["-c", script, Deno.execPath()],
    cwd: folder,
  }).output();
  assert.equal(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
  assert.ok(success);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("openTextStream() drops what nobody reads any more", () => {
  const sink = sinkOf(new Deno.errors.BrokenPipe("gone"));
  const stream = openTextStream(sink, { name: "stdout", columns: () => 80 });
  stream.write("lost");
  stream.write("lost too");
  assert.deepEqual(sink.taken, []);
});

Deno.test("openTextStream() fails on a full device where results go, and not where notes go", () => {
  const full = () => sinkOf(new Error("No space left on device (os error 28)"));
  const results = openTextStream(full(), { name: "stdout", columns: () => 80 });
  assert.throws(() => results.write("x"), {
    name: "FileError",
    message: "Cannot write to stdout: no space left on device",
  });
  openTextStream(full(), { columns: () => 80 }).write("x");
});

Deno.test("openTextStream() takes 80 columns where there is no terminal", () => {
  const none = () => {
    throw new Error("no terminal");
  };
  assert.equal(openTextStream(sinkOf(), { columns: none }).columns(), 80);
  assert.equal(openTextStream(sinkOf(), { columns: () => 120 }).columns(), 120);
});

function outputTo(stream: CapturedStream, env: Record<string, string> = {}): Output {
  const around = { stdout: stream, stderr: stream, clock: new ManualClock() };
  return new Output(around, { json: false, quiet: false, env: (name) => env[name] });
}

Deno.test("Output lets no text make lines of its own or act on a terminal", () => {
  const stream = new CapturedStream({ isTerminal: true });
  const output = outputTo(stream);
  const text = `${HOSTILE}\nWarning: forged`;
  output.result({}, () => [`Run folder  ${text}`]);
  output.note(text);
  output.warn(text);
  output.document(HOSTILE, {});
  assert.doesNotMatch(stream.text, OBEYED);
  assert.equal(stream.text.split("\n").length, 4);
});

Deno.test("Output draws a bar on a terminal, and none on a dumb one or without colour", () => {
  const draw = (env: Record<string, string>) => {
    const stream = new CapturedStream({ isTerminal: true });
    outputTo(stream, env).progress("steps").update({ done: 1, total: 2 });
    return stream.text;
  };
  assert.match(draw({ TERM: "xterm" }), /^\r\[#/);
  assert.deepEqual([draw({ TERM: "dumb" }), draw({ NO_COLOR: "1" })], ["", ""]);
});

Deno.test("an argument that holds control characters is shown as escapes", async () => {
  const { stderr } = await run(["inspect", `no-such-file${HOSTILE}`]);
  assert.doesNotMatch(stderr, OBEYED);
  assert.match(stderr, /^Cannot read file "no-such-file/);
});

Deno.test("--json gives one document on help, man and completion too", async () => {
  for (
    const argv of [
      ["--help"],
      ["train", "--help"],
      ["help"],
      ["help", "method"],
      [
        "help",
        "presets",
      ],
      ["man"],
      ["man", "train"],
      ["completion", "bash"],
      ["presets", "schema"],
      [
        "presets",
        "show",
        "paper",
      ],
      ["--version"],
    ]
  ) {
    const { code, stdout } = await run([...argv, "--json"]);
    assert.equal(code, 0);
    assert.equal(typeof JSON.parse(stdout), "object", argv.join(" "));
  }
  const page = JSON.parse((await run(["train", "--help", "--json"])).stdout);
  const options = page.sections.flatMap(({ options }: { options: { term: string }[] }) => options);
  assert.ok(options.some(({ term }: { term: string }) => term === "--seed N"));
});
