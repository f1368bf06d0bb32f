/**
 * Twin delayed deep deterministic policy gradients (Fujimoto, van Hoof and Meger 2018, arXiv 1802.09477,
 * algorithm 1).
 *
 *     repeat until the budget is spent
 *       step with the policy's action + N(0, 0.1 of the half range); store the transition
 *       draw a batch of transitions (s, a, r, s')
 *       a' = clip(pi'(s') + clip(N(0, 0.2), -0.5, 0.5)) in half ranges
 *       y = r + gamma * min(Q1'(s', a'), Q2'(s', a')), y = r where the task ended
 *       move Q1, Q2 down the gradient of the mean of (Q1(s, a) - y)^2 + (Q2(s, a) - y)^2
 *       every second time
 *         move pi up the gradient of the mean of Q1(s, pi(s))
 *         let the targets follow: x' <- 0.005 x + 0.995 x'
 *
 * Numbers are those of the public code (sfujim/TD3). Differences from it:
 *  1. Random actions take the first twentieth of a budget of less than 500,000 steps, not 25,000 of them.
 *  2. A run ends with a whole episode, and measures with fixed seeds of its own.
 */

import type { Events } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { ActorCritic } from "./actor_critic.ts";
import { finishWithOne, trainByCycles } from "./cycles.ts";

/** Noise on the target policy's actions, in half ranges. */
const SMOOTHING = { deviation: 0.2, limit: 0.5 };
/** Updates of the critics for each of the policy. */
const DELAY = 2;

/** Trains a run by td3; see `train` in lib/rivals/algorithms.ts. */
export function trainTd3(run: TrainingRun): Events {
  const agent = new ActorCritic(run, { critics: 2, smoothing: SMOOTHING });
  return trainByCycles(run, {
    async *cycle() {
      const losses: number[] = [];
      yield await agent.runEpisode(async () => {
        agent.draw();
        losses.push(await agent.fitCritics());
        if (agent.updates % DELAY !== 0) return;
        await agent.fitActor();
        agent.trackTargets();
      });
      yield agent.endEpisode(losses);
    },
    close: () => agent.close(),
    finish: finishWithOne,
  });
}
