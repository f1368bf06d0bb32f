/** Compares a benchmark's ratios with recorded ones. */

/** How much worse than recorded a ratio may be. */
export const TOLERATED_FACTOR = 1.5;

/** A figure of a benchmark. */
interface Row {
  readonly name: string;
  readonly ratio?: number;
}

/** What came of one figure. */
export interface Finding {
  readonly name: string;
  readonly ratio: number | undefined;
  readonly recorded: number | undefined;
  readonly verdict: "fine" | "worse" | "missing" | "new";
}

/** Gives the ratios of a report by name; rows without a floor have none. */
export function ratiosOf(report: Readonly<Record<string, readonly Row[]>>): Record<string, number> {
  return Object.fromEntries(
    Object.values(report).flat().flatMap(({ name, ratio }) =>
      ratio === undefined ? [] : [[name, ratio]]
    ),
  );
}

/**
 * Judges ratios: "worse" than recorded by more than `TOLERATED_FACTOR`, "missing" from this run, or
 * "new" and not recorded; a smaller ratio is always fine.
 */
export function compareRatios(
  measured: Readonly<Record<string, number>>,
  recorded: Readonly<Record<string, number>>,
): Finding[] {
  const names = new Set([...Object.keys(recorded), ...Object.keys(measured)]);
  return [...names].map((name) => {
    const [ratio, known] = [measured[name], recorded[name]];
    const verdict = ratio === undefined
      ? "missing"
      : known === undefined
      ? "new"
      : ratio <= TOLERATED_FACTOR * known
      ? "fine"
      : "worse";
    return { name, ratio, recorded: known, verdict };
  });
}
