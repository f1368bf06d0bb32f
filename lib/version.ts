/** The version of the program, as deno.json says it. */

import project from "../deno.json" with { type: "json" };

/** Semantic version, such as "0.1.0". */
export const VERSION: string = project.version;
