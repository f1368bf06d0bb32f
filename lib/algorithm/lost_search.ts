/**
 * Search that is lost goes back. Where a policy has many weights and large ones cost something, cycles of a few
 * siblings tell too little of which way is up: steps lead anywhere, weights grow, and returns fall from cycle to cycle
 * while each follows its better half (Ant, 848 weights). What adapts the size of the noise sees that far too late. So
 * where returns clearly fall, search goes back to the best place that it has been to, with noise of half the size.
 * What this is worth, and that it stays silent elsewhere, is measured: tests/experiments/NOTEBOOK.md, "lost search".
 */

import { leads } from "../numbers/statistics.ts";
import { createAdaptedNoise } from "./adapted_noise.ts";
import { currentNormaliser, type TrainingRun } from "./run.ts";

/** Whole cycles that it takes to tell. */
const LEAST_CYCLES = 6;
/** Returns that have fallen by so many standard errors have not fallen by luck, however often that is asked. */
const CLEARLY = 3;

/** Tells whether returns have clearly fallen since search began or went back. */
export function isLost({ experience: { horizon, reached, lost } }: TrainingRun): boolean {
  const cycles = reached.slice(lost);
  if (horizon.since > 0 || cycles.length < LEAST_CYCLES) return false;
  const late = cycles.slice(-Math.floor(cycles.length / 2));
  return leads(cycles.slice(0, -late.length), late, CLEARLY);
}

/** Goes back to the best place on the way, with noise of half the size. */
export function goBack(run: TrainingRun): void {
  const { task: { frame }, experience } = run;
  const best = experience.way.slice(1).reduce((a, b) => b.return > a.return ? b : a);
  experience.followed = frame.toNormalised(best.policy, currentNormaliser(run));
  experience.noise!.forEach((noise) =>
    Object.assign(noise, createAdaptedNoise(noise.sizePath.length, noise.largest / 2))
  );
  experience.lost = experience.reached.length;
}
