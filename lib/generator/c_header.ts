/**
 * A policy as one C header without dependencies, for a game or a microcontroller: C99 (or C++), the
 * standard library's tanhf and nothing else, no allocation, all numbers constant.
 *
 * Everything stands in one file: what the policy is (a comment that `readCHeader` reads back), its
 * numbers, the forward in the order of operations of the policy that was measured, and a self-test
 * against actions of that policy. Names begin with the file's own name, so that two policies fit in
 * one program.
 */

import { CHECKSUM_KEY } from "../formats/checksum.ts";
import { FileError, UsageError } from "../system/errors.ts";
import { hashHex } from "../system/files.ts";
import type { NormaliserState, Policy } from "../model.ts";
import { Rng } from "../numbers/rng.ts";
import {
  actText,
  arrayLines,
  baseName,
  type CNetwork,
  declareAct,
  forwardText,
  identifierOf,
  literal,
  plain,
} from "./c_text.ts";

/** What the header is written from. */
export interface CHeaderContent extends CNetwork {
  /** File name, from which the names in the header are made. */
  readonly fileName: string;
  /** In policy order, [P]. */
  readonly parameters: Float32Array;
  /** The normaliser of its observations. */
  readonly normaliser: NormaliserState;
  /** Key and value pairs for the comment at the top. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The same policy, ready to act: the self-test's actions are its own. It must answer at once. */
  readonly policy: Policy;
}

const TITLE = "udrlpg policy in C";
/** Where the SHA-256 of the header stands; it is of the text without it. */
const checksumLine = (checksum: string) => `\n * ${CHECKSUM_KEY}: ${checksum}\n`;
/** A compiler takes minutes for more. */
const MAX_PARAMETERS = 2 ** 20;
const TEST_VECTORS = 4;

/**
 * Writes the header.
 * @throws {UsageError} when the policy is too large for one.
 */
export function renderCHeader(content: CHeaderContent): string {
  const { sizes, parameters, normaliser, bounds, metadata } = content;
  if (parameters.length > MAX_PARAMETERS) {
    throw new UsageError(
      `Cannot write policy "${content.fileName}": a C header must hold at most ${MAX_PARAMETERS} ` +
        `parameters, got ${parameters.length}: use another format`,
    );
  }
  const name = identifierOf(content.fileName);
  const macro = name.toUpperCase();
  const tests = drawTests(content);
  const inverse = Array.from(normaliser.deviation, (deviation) => 1 / deviation);
  const lines = [
    `/* ${TITLE}`,
    " *",
    ...Object.entries(metadata).map(([key, value]) => ` * ${plain(key)}: ${plain(value)}`),
    ` * parameters: ${parameters.length}`,
    ` * ${CHECKSUM_KEY}: `,
    " *",
    ` * Use:       ${declareAct(name, content, "constant")};`,
    ` * Self-test: cc -x c -D${macro}_MAIN ${plain(baseName(content.fileName))} -lm && ./a.out`,
    " */",
    `#ifndef ${macro}_H`,
    `#define ${macro}_H`,
    "",
    "#include <math.h>",
    "",
    `#define ${macro}_OBSERVATION_SIZE ${sizes[0]}`,
    `#define ${macro}_ACTION_SIZE ${bounds ? sizes.at(-1) : 1}`,
    "",
    ...arrayLines(`float ${name}_mean[${sizes[0]}]`, normaliser.mean),
    ...arrayLines(`float ${name}_inverse_deviation[${sizes[0]}]`, inverse),
    `/* W1, b1, W2, b2, ...; W row by row, [out][in] */`,
    ...arrayLines(`float ${name}_parameters[${parameters.length}]`, parameters),
    forwardText(name, content),
    actText(name, content, "constant"),
    selfTestText(name, { tests, isDiscrete: bounds === undefined, observationSize: sizes[0] }),
    `#endif /* ${macro}_H */`,
    "",
  ];
  const text = lines.join("\n");
  return text.replace(checksumLine(""), checksumLine(hashHex(new TextEncoder().encode(text))));
}

interface TestVector {
  readonly observation: Float64Array;
  readonly action: Float64Array;
}

/** Draws observations as the normaliser knows them, and lets the policy act. */
function drawTests({ sizes, normaliser, bounds, policy }: CHeaderContent): TestVector[] {
  const rng = Rng.fromSeed(1);
  return Array.from({ length: TEST_VECTORS }, () => {
    const observation = Float64Array.from(
      normaliser.mean,
      (mean, i) => Math.fround(mean + normaliser.deviation[i] * rng.standardNormal()),
    );
    const action = new Float64Array(bounds ? sizes.at(-1)! : 1);
    policy.act(observation, action);
    return { observation, action };
  });
}

function selfTestText(
  name: string,
  { tests, isDiscrete, observationSize }: {
    tests: readonly TestVector[];
    isDiscrete: boolean;
    observationSize: number;
  },
): string {
  const rows = (key: keyof TestVector) =>
    tests.map((test) => `    {${Array.from(test[key], literal).join(", ")}},`).join("\n");
  const count = tests[0].action.length;
  const compare = isDiscrete
    ? `    if (${name}_act(observations[test]) != (int)actions[test][0]) wrong++;`
    : `    float action[${count}];
    int i;
    ${name}_act(observations[test], action);
    for (i = 0; i < ${count}; i++) {
      const float expected = actions[test][i];
      /* Written so that a NaN counts as wrong. */
      if (!(fabsf(action[i] - expected) <= 1e-4f * (1.0f + fabsf(expected)))) wrong++;
    }`;
  return `/* Counts wrong actions for ${tests.length} observations: 0 when this machine computes as it should. */
static inline int ${name}_self_test(void) {
  static const float observations[${tests.length}][${observationSize}] = {
${rows("observation")}
  };
  static const float actions[${tests.length}][${count}] = {
${rows("action")}
  };
  int wrong = 0, test;
  for (test = 0; test < ${tests.length}; test++) {
${compare}
  }
  return wrong;
}

#ifdef ${name.toUpperCase()}_MAIN
int main(void) {
  return ${name}_self_test();
}
#endif
`;
}

/**
 * Checks the first bytes of a header, before the rest is read: for `readFileLimited`.
 * @throws {FileError} when they begin no header of ours.
 */
export function cHeaderHead(name: string): (head: Uint8Array) => void {
  const title = new TextEncoder().encode(`/* ${TITLE}\n`);
  return (head) => {
    if (title.every((byte, i) => byte === head[i])) return;
    throw new FileError(
      `Cannot read policy ${JSON.stringify(name)}: it must begin with "/* ${TITLE}"`,
    );
  };
}

/**
 * Reads what a header of ours says of its policy, and checks that it is whole.
 * @returns the metadata by key.
 * @throws {FileError} when it is no such header, or cut off.
 */
export function readCHeader(
  bytes: Uint8Array,
  { name }: { readonly name: string },
): Record<string, string> {
  const fail = (rule: string): never => {
    throw new FileError(`Cannot read policy ${JSON.stringify(name)}: ${rule}`);
  };
  cHeaderHead(name)(bytes);
  const text = new TextDecoder().decode(bytes);
  const comment = text.slice(0, text.indexOf("*/"));
  const metadata: Record<string, string> = Object.create(null);
  for (const [, key, value] of comment.matchAll(/^ \* ([A-Za-z0-9]+): (.*)$/gm)) {
    if (key !== "Use") metadata[key] = value;
  }
  const numbers = /_parameters\[([0-9]+)\] = \{([^}]*)\};/.exec(text);
  let count = 0;
  for (const list = numbers?.[2] ?? "", number = /[^\s,]+/g; number.test(list);) count++;
  if (String(count) !== metadata.parameters || numbers?.[1] !== metadata.parameters) {
    fail(`it must hold ${metadata.parameters ?? "a number of"} parameters, got ${count}`);
  }
  if (!/#endif \/\* \w+_H \*\/\n$/.test(text)) fail("its end is missing");
  const checksum = metadata[CHECKSUM_KEY] ?? "";
  const bare = text.replace(checksumLine(checksum), checksumLine(""));
  if (hashHex(new TextEncoder().encode(bare)) !== checksum) {
    fail("it must match its checksum: it was damaged or changed after it was written");
  }
  return metadata;
}
