/** How long a measurement is, and the order of episodes that end in any; runners are tested with the workers. */

import assert from "node:assert/strict";
import {
  asManySteps,
  type EpisodeRunner,
  playInOrder,
  type PlayOptions,
} from "../../../lib/episodes/evaluate.ts";
import type { Episode } from "../../../lib/episodes/rollout.ts";
import type { PolicyParameters } from "../../../lib/policy_space.ts";
import { TINY_ENV_SPEC } from "../../support/tiny_env.ts";

Deno.test("asManySteps() takes more episodes where they are shorter than 1,000 steps", () => {
  const count = (maxEpisodeSteps: number) => asManySteps({ ...TINY_ENV_SPEC, maxEpisodeSteps }, 10);
  assert.deepEqual([count(1000), count(200), count(300), count(5000)], [10, 50, 34, 10]);
});

const NORMALISER = { mean: Float64Array.of(0), deviation: Float64Array.of(1) };
const JOBS = [[1, 2], [3]].map((seeds) => ({
  parameters: new Float32Array(1) as PolicyParameters,
  seeds,
}));

function episodeOf(place: number): Episode {
  return { return: place, survivalReturn: 0, length: 1, terminated: true };
}

/** A runner whose episodes are ended by hand. */
function createManualRunner() {
  let given: PlayOptions = {};
  const all = Promise.withResolvers<Episode[][]>();
  const runner: EpisodeRunner = {
    run(_jobs, _normaliser, options) {
      given = options!;
      given.signal!.addEventListener("abort", () => all.reject(given.signal!.reason));
      return all.promise;
    },
    close: () => Promise.resolve(),
  };
  const end = (place: number) => given.onEpisode!(episodeOf(place), place);
  return { runner, end, all, options: () => given };
}

/** Lets every promise go as far as it can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("playInOrder() gives each episode as soon as it and those before it are over", async () => {
  const { runner, end, all, options } = createManualRunner();
  const places: number[] = [];
  const done = (async () => {
    const playing = playInOrder(runner, JOBS, { normaliser: NORMALISER, observed: true });
    for await (const episode of playing) places.push(episode.return);
  })();
  await settle();
  assert.equal(options().observed, true);
  end(1);
  await settle();
  assert.deepEqual(places, []);
  end(0);
  await settle();
  assert.deepEqual(places, [0, 1]);
  end(2);
  all.resolve([]);
  await done;
  assert.deepEqual(places, [0, 1, 2]);
});

Deno.test("playInOrder() fails with what the runner fails with", async () => {
  const { runner, end, all } = createManualRunner();
  const playing = playInOrder(runner, JOBS, { normaliser: NORMALISER });
  const first = playing.next();
  end(0);
  assert.equal((await first).value!.return, 0);
  all.reject(new Error("the engine broke"));
  await settle();
  await assert.rejects(playing.next(), { message: "the engine broke" });
});

Deno.test("playInOrder() ends what is under way when it is left, or stopped", async () => {
  for (const how of ["left", "stopped"]) {
    const stop = new AbortController();
    const { runner, end, options } = createManualRunner();
    const playing = playInOrder(runner, JOBS, { normaliser: NORMALISER, signal: stop.signal });
    const first = playing.next();
    end(0);
    await first;
    if (how === "left") await playing.return(undefined);
    else {
      stop.abort(new Error("stop"));
      await assert.rejects(playing.next(), { message: "stop" });
    }
    assert.equal(options().signal!.aborted, true, how);
  }
});
