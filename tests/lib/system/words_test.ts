/** The nearest name, worked by hand; quoting and splitting against a shell. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { formatLine, nearest, quoteWord, splitLine } from "../../../lib/system/words.ts";

Deno.test("nearest() finds one edit, a swap and another case", () => {
  const names = ["train", "generate", "evaluate"];
  assert.equal(nearest("trian", names), "train"); // one swap
  assert.equal(nearest("generat", names), "generate"); // one insertion
  assert.equal(nearest("EVALUATE", names), "evaluate");
});

Deno.test("nearest() prefers the first of equals", () => {
  assert.equal(nearest("CartPole-v9", ["CartPole-v0", "CartPole-v1"]), "CartPole-v0");
});

Deno.test("nearest() gives up on what resembles nothing, and on very long names", () => {
  assert.equal(nearest("qqqqqq", ["train"]), undefined);
  assert.equal(nearest("t".repeat(100_000), ["train"]), undefined);
  assert.equal(nearest("train", []), undefined);
});

Deno.test("nearest() returns a name that is itself a candidate", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }),
    (names) => nearest(names[0], names)?.toLowerCase() === names[0].toLowerCase(),
  ));
});

Deno.test("quoteWord() and splitLine() are inverse, and a shell splits the same", async () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
    assert.deepEqual(splitLine(formatLine("p", words)), ["p", ...words]);
  }));
  const words = [
    "",
    "a b",
    "it's",
    '"x"',
    "$HOME",
    "`ls`",
    "\\",
    "*",
    "a=1,2",
    "ü",
    "-n",
    "a\nb",
    `$(x)\`y\``,
  ];
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `printf '%s\\0' ${words.map(quoteWord).join(" ")}`],
  }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
  assert.equal(quoteWord("update.learningRate=1e-4"), "update.learningRate=1e-4");
  assert.deepEqual(splitLine(`a "b \\" c"\\ d  e`), ["a", 'b " c d', "e"]);
  assert.deepEqual(splitLine(`'a b' "c \\"d\\" \\e" f\\ g`), ["a b", 'c "d" \\e', "f g"]);
  assert.deepEqual(splitLine("echo $HOME | x > y"), ["echo", "$HOME", "|", "x", ">", "y"]);
  assert.deepEqual(splitLine(" \t"), []);
  assert.throws(() => splitLine("a 'b"), /quotes must be closed, got a 'b$/);
});
