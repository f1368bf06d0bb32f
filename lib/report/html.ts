/**
 * Pages that are one file: markup, style, scripts and numbers in a single HTML document that asks no
 * network for anything, which a content security policy in the page enforces.
 *
 * Everything that comes from files goes through `escapeHtml` into the markup or through `embedJson`
 * into the one data block that the page's script reads; nothing is ever put into script text.
 */

/** What a page is made of. */
export interface Page {
  /** Plain text. */
  readonly title: string;
  /** Style sheets, ours. */
  readonly styles: readonly string[];
  /** Markup whose texts are escaped. */
  readonly body: string;
  /** What the scripts read from the data block. */
  readonly data: unknown;
  /** Scripts, ours or a package's; they run in this order after the body. */
  readonly scripts: readonly string[];
  /** Lets scripts compile WebAssembly, or make code of text as well, which a physics engine does. */
  readonly compiles?: "wasm" | "text";
  /** Lets an open page load itself again after so many seconds. */
  readonly reloadSeconds?: number;
}

/** The id of the element that holds the page's numbers as JSON. */
export const DATA_ID = "page-data";

const COMPILING = { wasm: " 'wasm-unsafe-eval'", text: " 'unsafe-eval'" };

const policyOf = (scripts: string) =>
  `default-src 'none'; script-src ${scripts}; style-src 'unsafe-inline'; ` +
  "img-src data:; base-uri 'none'; form-action 'none'";

/** Writes a page as one HTML document. */
export function renderPage(
  { title, styles, body, data, scripts, compiles, reloadSeconds }: Page,
): string {
  const policy = policyOf(`'unsafe-inline'${compiles ? COMPILING[compiles] : ""}`);
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    ...(reloadSeconds === undefined
      ? []
      : [`<meta http-equiv="refresh" content="${reloadSeconds}">`]),
    `<title>${escapeHtml(title)}</title>`,
    ...styles.map((style) => `<style>\n${style}\n</style>`),
    "</head>",
    "<body>",
    "<main>",
    body,
    "</main>",
    `<script type="application/json" id="${DATA_ID}">${embedJson(data)}</script>`,
    ...scripts.map((script) => `<script>\n${withoutAddresses(script)}\n</script>`),
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/**
 * Escapes text for markup and for attribute values in quotes.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { escapeHtml } from "./html.ts";
 * assert.equal(escapeHtml(`<b a="'">&`), "&lt;b a=&quot;&#39;&quot;&gt;&amp;");
 * ```
 */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

/** Writes a value as JSON that cannot end the script element that it stands in. */
export function embedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e")
    .replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/**
 * Reads the numbers back from a page: what programs and tests use.
 * @throws {SyntaxError} when there is no data block.
 */
export function readPageData(html: string): unknown {
  const start = html.indexOf(`<script type="application/json" id="${DATA_ID}">`);
  const from = html.indexOf(">", start) + 1;
  const end = html.indexOf("</script>", from);
  if (start < 0 || end < 0) {
    throw new SyntaxError("Cannot read page: it must hold a data block, got none");
  }
  return JSON.parse(html.slice(from, end));
}

/** A package's banner names its site; without the scheme nobody can take it for a request. */
function withoutAddresses(script: string): string {
  return script.replace(/^(\/\*![^*]*?)https:\/\//, "$1");
}

/** A cell of a table: plain text, which may lead to a file of this machine. */
export type Cell = string | { readonly text: string; readonly path: string };

/** Writes rows as a table; the first row is the heading. */
export function renderTable(rows: readonly (readonly Cell[])[]): string {
  const [head = [], ...body] = rows;
  const isNumber = (cell: Cell) => /^[-+]?[0-9]/.test(textOf(cell)) || cell === "-";
  const numeric = head.map((_, column) =>
    body.length > 0 && body.every((cells) => isNumber(cells[column]))
  );
  const line = (cells: readonly Cell[], tag: "td" | "th") =>
    `<tr>${
      cells.map((cell, column) => {
        const label = tag === "td"
          ? ` data-label="${escapeHtml(textOf(head[column]))}"`
          : ' scope="col"';
        const kind = numeric[column] ? ' class="number"' : "";
        return `<${tag}${kind}${label}>${renderCell(cell)}</${tag}>`;
      }).join("")
    }</tr>`;
  return `<div class="scroll" tabindex="0"><table><thead>${line(head, "th")}</thead><tbody>${
    body.map((cells) => line(cells, "td")).join("")
  }</tbody></table></div>`;
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

/** Writes a cell's content. A link begins with "./", so that no name of a folder is taken for a scheme. */
export function renderCell(cell: Cell): string {
  if (typeof cell === "string") return escapeHtml(cell);
  const href = `./${cell.path.split("/").map(encodeURIComponent).join("/")}`;
  return `<a href="${escapeHtml(href)}">${escapeHtml(cell.text)}</a>`;
}
