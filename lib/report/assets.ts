/** The style sheets and scripts of report pages, read when the first page is written. */

/** What goes into every report page besides its own numbers. */
export interface ReportAssets {
  /** In the order of the page. */
  readonly styles: readonly string[];
  /** In the order in which they run. */
  readonly scripts: readonly string[];
}

/** uPlot's licence asks for this to stand wherever it is copied to. */
const UPLOT_LICENCE = `/*
uPlot: the MIT License (MIT). Copyright (c) 2022 Leon Sorokin.
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions: the above copyright notice and this permission notice shall be
included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS",
WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR
OTHER DEALINGS IN THE SOFTWARE.
*/`;

/** Loads the assets of report pages. */
export async function loadReportAssets(): Promise<ReportAssets> {
  const [library, libraryStyle, charts, style] = await Promise.all([
    import("uplot/dist/uPlot.iife.min.js", { with: { type: "text" } }),
    import("uplot/dist/uPlot.min.css", { with: { type: "text" } }),
    import("./charts.js", { with: { type: "text" } }),
    import("./page.css", { with: { type: "text" } }),
  ]);
  return {
    styles: [libraryStyle.default, style.default],
    scripts: [`${library.default}\n${UPLOT_LICENCE}`, charts.default],
  };
}
