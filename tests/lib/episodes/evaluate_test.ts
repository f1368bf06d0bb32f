/** How long a measurement is; what runs the episodes is tested with the workers. */

import assert from "node:assert/strict";
import { asManySteps } from "../../../lib/episodes/evaluate.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";

Deno.test("asManySteps() takes more episodes where they are shorter than 1,000 steps", () => {
  const count = (maxEpisodeSteps: number) => asManySteps({ ...TINY_ENV_SPEC, maxEpisodeSteps }, 10);
  assert.deepEqual([count(1000), count(200), count(300), count(5000)], [10, 50, 34, 10]);
});
