/**
 * Episodes in this thread at first, on workers once there turn out to be many: a search for a policy may
 * need ten episodes or four hundred, and starting workers takes as long as dozens of short ones. Results
 * are the same wherever an episode runs, so the clock may decide.
 */

import type { Clock } from "../../system/clock.ts";
import type { EpisodeRunner } from "../evaluate.ts";

/** Workers are ready after about half of this. */
const PATIENCE_MS = 500;

/**
 * Makes a runner that starts others once it has been busy for half a second. It closes both.
 * @param local runs the first episodes
 * @param startOthers gives what runs the episodes from then on; called at most once
 */
export function createGrowingRunner(
  local: EpisodeRunner,
  { startOthers, clock }: { startOthers: () => EpisodeRunner; clock: Pick<Clock, "monotonicMs"> },
): EpisodeRunner {
  let busyMs = 0;
  let others: EpisodeRunner | undefined;
  return {
    async run(jobs, normaliser, options) {
      if (busyMs >= PATIENCE_MS) {
        others ??= startOthers();
        return await others.run(jobs, normaliser, options);
      }
      const started = clock.monotonicMs();
      const results = await local.run(jobs, normaliser, options);
      busyMs += clock.monotonicMs() - started;
      return results;
    },
    async close() {
      await others?.close();
      await local.close();
    },
  };
}
