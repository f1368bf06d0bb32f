/** Numbers as pages show them. */

/** Writes a number for people: about four digits, thousands apart. */
export function brief(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** Writes a count with all its digits, thousands apart. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}
