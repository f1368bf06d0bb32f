/** The list of what `udrlpg generate` wrote into a folder: as CSV for tables, as JSON for programs. */

import type { Expectation } from "../../../generator/expectation.ts";
import type { ReachedShare, SeededReturn } from "../../../generator/proof.ts";
import { formatNumber } from "../../../numbers/format.ts";
import { MANIFEST_FILE_NAME } from "../../../run/layout.ts";
import { childPath, writeFileAtomic } from "../../../system/files.ts";
import { formatTable } from "../../output.ts";
import type { Worked } from "./delivery.ts";

/** A policy that was delivered, and the name of its file in the folder. */
export interface Entry extends Worked {
  /** Name of the file. */
  readonly file: string;
}

const CSV_FILE_NAME = "manifest.csv";
const COLUMNS = ["file", "requested", "measured", "low95", "high95", "episodes", "met"] as const;

/** An entry as the manifest and --json show it. */
export interface Row {
  /** Name of the file. */
  readonly file: string;
  /** The wanted mean return. */
  readonly requestedReturn: number;
  /** Scaled command that the policy was generated for. */
  readonly command: number;
  /** What it returned in episodes that no search had seen. */
  readonly measuredReturn: SeededReturn;
  /** How many episodes reached what was asked for, where a share of them was to. */
  readonly reached?: ReachedShare;
  /** Whether that is what was asked for. */
  readonly met: boolean;
  /** How far a mean may be from the request. */
  readonly tolerance: number;
  /** Episodes that the search ran before that. */
  readonly searchEpisodes: number;
  /** What had been expected before the first of them. */
  readonly expected: Expectation;
}

/** Describes an entry, as the manifest and --json do. */
export function rowOf({ file, request, found, proof, reached, met, expected }: Entry): Row {
  const { requested, tolerance, aim } = request;
  return {
    file,
    requestedReturn: requested,
    command: found.command,
    measuredReturn: proof,
    ...reached === undefined ? {} : { reached },
    met,
    tolerance,
    searchEpisodes: aim === "within" ? found.episodes : 0,
    expected,
  };
}

/** Writes both manifests; `about` stands before the policies in the JSON. @throws {FileError} */
export function writeManifests(
  folder: string,
  { about, entries }: {
    readonly about: Readonly<Record<string, unknown>>;
    readonly entries: readonly Entry[];
  },
): void {
  const lines = entries.map(({ file, request, proof: { mean, ci95: [low, high], n }, met }) =>
    [quote(file), request.requested, mean, numberText(low), numberText(high), n, met].join(",")
  );
  const csv = [COLUMNS.join(","), ...lines, ""].join("\n");
  writeFileAtomic(childPath(folder, CSV_FILE_NAME), csv, { kind: "manifest" });
  const json = JSON.stringify({ ...about, policies: entries.map(rowOf) }, null, 2) + "\n";
  writeFileAtomic(childPath(folder, MANIFEST_FILE_NAME), json, { kind: "manifest" });
}

function quote(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One episode has no interval. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : "";
}

/** Lays the entries out for people. */
export function tableOf(entries: readonly Entry[]): string[] {
  const rows = entries.map(({ file, request, proof: { mean, ci95: [low, high], n }, met }) => [
    formatNumber(request.requested),
    formatNumber(mean),
    formatNumber(low),
    formatNumber(high),
    String(n),
    met ? "yes" : "no",
    file,
  ]);
  return formatTable([
    ["requested", "measured", "95 % from", "to", "episodes", "met", "file"],
    ...rows,
  ]);
}
