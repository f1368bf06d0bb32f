import assert from "node:assert/strict";
import {
  DivergedError,
  errorLineOf,
  exitCodeOf,
  FileError,
  InterruptedError,
  isExitError,
  UnreachableReturnError,
  UsageError,
} from "../../../lib/system/errors.ts";

Deno.test("exitCodeOf() gives every error of the interface its documented code", () => {
  assert.equal(exitCodeOf(new UsageError("u")), 2);
  assert.equal(exitCodeOf(new FileError("f")), 3);
  assert.equal(exitCodeOf(new DivergedError("d")), 4);
  assert.equal(exitCodeOf(new UnreachableReturnError("r")), 5);
  assert.equal(exitCodeOf(new InterruptedError("i", "SIGINT")), 130);
  assert.equal(exitCodeOf(new InterruptedError("i", "SIGTERM")), 143);
});

Deno.test("exitCodeOf() gives 1 for everything else, error or not", () => {
  for (
    const value of [new Error("e"), new RangeError("r"), "text", null, undefined, { exitCode: 3 }]
  ) {
    assert.equal(exitCodeOf(value), 1);
    assert.equal(isExitError(value), false);
  }
});

Deno.test("errorLineOf() gives one line, marked when it is a bug", () => {
  assert.equal(
    errorLineOf(new FileError("Cannot read x: no\n  such file")),
    "Cannot read x: no such file",
  );
  assert.equal(
    errorLineOf(new TypeError("a is undefined")),
    "Internal error: TypeError: a is undefined",
  );
  assert.equal(errorLineOf(new Error("Internal error: lost")), "Internal error: lost");
  // A name out of a hostile file must not clear the screen.
  assert.equal(
    errorLineOf(new FileError('Cannot read "\x1b[2Ja\x00\x9b\u2028"')),
    'Cannot read " [2Ja "',
  );
  assert.equal(errorLineOf("text"), "Internal error: text");
  // A file may hold a name of any length.
  const line = errorLineOf(new FileError(`Cannot read "${" x".repeat(1e6)}": no`));
  assert.equal(line.length, 1000);
  assert.match(line, /^Cannot read " x x.* \.\.\. .*x": no$/);
});
