/**
 * Deep deterministic policy gradients (Lillicrap et al. 2015, arXiv 1509.02971, algorithm 1).
 *
 *     repeat until the budget is spent
 *       step with the policy's action + N(0, 0.1 of the half range); store the transition
 *       draw a batch of transitions (s, a, r, s')
 *       y = r + gamma * Q'(s', pi'(s')), y = r where the task ended
 *       move Q down the gradient of the mean of (Q(s, a) - y)^2
 *       move pi up the gradient of the mean of Q(s, pi(s))
 *       let the targets follow: x' <- 0.005 x + 0.995 x'
 *
 * Numbers are those of the re-tuned public code (OurDDPG in sfujim/TD3). Differences from the paper:
 *  1. Those numbers: widths of 256, Adam at 3e-4 for both, batches of 256, tau 0.005; no weight decay, and
 *     the action enters the critic's first layer.
 *  2. Noise without memory in place of an Ornstein-Uhlenbeck process.
 *  3. Those of lib/rivals/td3.ts.
 */

import type { Events } from "../algorithm/events.ts";
import type { TrainingRun } from "../algorithm/run.ts";
import { ActorCritic } from "./actor_critic.ts";
import { finishWithOne, trainByCycles } from "./cycles.ts";

/** Trains a run by ddpg; see `train` in lib/rivals/algorithms.ts. */
export function trainDdpg(run: TrainingRun): Events {
  const agent = new ActorCritic(run, { critics: 1 });
  return trainByCycles(run, {
    async *cycle() {
      const losses: number[] = [];
      yield await agent.runEpisode(async () => {
        agent.draw();
        losses.push(await agent.fitCritics());
        await agent.fitActor();
        agent.trackTargets();
      });
      yield agent.endEpisode(losses);
    },
    close: () => agent.close(),
    finish: finishWithOne,
  });
}
