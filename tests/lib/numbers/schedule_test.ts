/** The shape of schedules at points known by hand. */

import { fallingCosine } from "../../../lib/numbers/schedule.ts";
import { assertAllClose } from "../../support/close.ts";

Deno.test("fallingCosine() falls from 1 to 0, half of it half way, and stays at 0", () => {
  const values = [0, 0.25, 0.5, 0.75, 1, 2].map(fallingCosine);
  const root = Math.SQRT1_2;
  assertAllClose(values, [1, (1 + root) / 2, 0.5, (1 - root) / 2, 0, 0]);
});
