/** A ladder of `udrlpg generate`: a folder of policies for several returns, with a list of them. */

import { dirname, join } from "node:path";
import type { Request } from "../../../generator/answer.ts";
import { WRITTEN_ENDINGS } from "../../../generator/policy_file.ts";
import { secondsLeftAt } from "../../progress.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { policyFileName } from "../../../run/layout.ts";
import { UnreachableReturnError } from "../../../system/errors.ts";
import { childPath, makeFolder } from "../../../system/files.ts";
import { ownLine, pathWord } from "../../../system/words.ts";
import { envCommandWords } from "../../env_command.ts";
import type { Expectation } from "../../../generator/expectation.ts";
import {
  adviceFor,
  contentOf,
  deliver,
  describeExpected,
  expect,
  factsOf,
  writeTo,
} from "./delivery.ts";
import type { Work } from "./generate.ts";
import { type Entry, rowOf, tableOf, writeManifests } from "./manifest.ts";
import { reachablePair } from "./requests.ts";

/** Writes a policy for each request into a folder, and the list of them. */
export async function writeLadder(
  requests: readonly Request[],
  { values, source, context, format }: Work,
): Promise<void> {
  const { output, program } = context;
  const folder = values.out ?? join(dirname(source.path), "policies");
  makeFolder(folder);
  const expected: Expectation[] = [];
  for (const request of requests) {
    expected.push(await expect(request, { source, effort: values }));
  }
  output.note(describeExpected(expected));
  const progress = output.progress("episodes");
  const started = program.clock.monotonicMs();
  const entries: Entry[] = [];
  for (const request of requests) {
    const place = entries.length;
    const delivered = await deliver(request, {
      source,
      effort: values,
      onProgress({ phase, done, total, last }) {
        // A search may end at any time.
        const share = (place + (phase === "measuring" ? done / total : 0)) / requests.length;
        const seconds = (program.clock.monotonicMs() - started) / 1000;
        progress.update({
          phase,
          done,
          total,
          whole: { share, secondsLeft: secondsLeftAt(share, seconds) },
          facts: [["policy", `${place + 1}/${requests.length}`], ...factsOf(last)],
        });
      },
    });
    const file = policyFileName(request.requested, WRITTEN_ENDINGS[format]);
    const content = await contentOf(delivered, { source, format, context });
    writeTo(childPath(folder, file), { content, context, followLinks: false });
    entries.push({ ...delivered, file, expected: expected[place] });
  }
  output.endProgress();
  const { spec, calibration, hash } = source.generator;
  const about = { env: spec.id, generator: hash, reachable: reachablePair(calibration) };
  writeManifests(folder, { about, entries });
  const document = { ...about, folder, policies: entries.map(rowOf) };
  output.result(document, () => ladderLines(folder, entries, { source, context }));
  const missed = entries.filter(({ met }) => !met);
  if (missed.length === 0 || values.tolerance === undefined) return;
  throw new UnreachableReturnError(
    `Cannot generate every policy: each return must be within ${
      formatNumber(missed[0].request.tolerance)
    } of its request, got ${missed.length} of ${entries.length} that are not: ` +
      `the closest policies are in ${JSON.stringify(folder)}: ${adviceFor(missed[0], source)}`,
  );
}

function ladderLines(
  folder: string,
  entries: readonly Entry[],
  { source, context: { program } }: Pick<Work, "source" | "context">,
): string[] {
  const missed = entries.find(({ met }) => !met);
  return [
    ...tableOf(entries),
    ...missed === undefined ? [] : [`Where it was not met: ${adviceFor(missed, source)}`],
    `Written to ${folder}, with manifest.csv and manifest.json`,
    `Next: ${
      ownLine(
        "evaluate",
        pathWord(folder),
        ...envCommandWords(source.generator.spec, program),
      )
    }`,
  ];
}
