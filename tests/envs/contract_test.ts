/** The contract suite over the registry, and over fakes that each break one rule. */

import assert from "node:assert/strict";
import { EpisodeEnv } from "../../envs/episode.ts";
import { registry } from "../../envs/registry.ts";
import { boundedBox } from "../../envs/spaces.ts";
import type { Env, EnvSpec, Transition } from "../../lib/env.ts";
import type { Rng } from "../../lib/numbers/rng.ts";
import { checkEnvContract } from "../support/env_contract.ts";

for (const id of registry.ids) {
  Deno.test(`${id} keeps the environment contract`, async () => {
    await checkEnvContract(() => registry.make(id));
  });
}

const LINE_SPEC: EnvSpec = {
  id: "Line-v0",
  observationSpace: boundedBox([-10, 0], [10, 20], "float64"),
  actionSpace: boundedBox([-1], [1]),
  maxEpisodeSteps: 12,
  returnRange: [-12, 12],
  source: "this test",
};

/** A point on a line that an action moves; the second number counts the steps. */
class Line extends EpisodeEnv {
  position = 0;
  count = 0;

  constructor(spec: EnvSpec = LINE_SPEC) {
    super(spec);
  }

  state(): Float64Array {
    return Float64Array.of(this.position, this.count);
  }

  setState(state: ArrayLike<number>): void {
    this.checkState(state, 2);
    [this.position, this.count] = [state[0], state[1]];
    this.observe();
  }

  protected override start(rng: Rng): void {
    this.position = rng.uniform(-0.1, 0.1);
    this.count = 0;
    this.observe();
  }

  protected override advance(action: ArrayLike<number>, transition: Transition): void {
    this.position += 0.1 * action[0];
    this.count++;
    this.observe();
    transition.reward = this.position;
    transition.survivalReward = 0;
    transition.terminated = this.position > 5;
  }

  observe(): void {
    this.observation[0] = this.position;
    this.observation[1] = this.count;
  }
}

Deno.test("checkEnvContract() accepts an environment that keeps the contract", async () => {
  await checkEnvContract(() => Promise.resolve(new Line()));
});

/** Replaces what `observation` reads. */
function observing(env: Line, read: () => Float64Array): Line {
  return Object.defineProperty(env, "observation", { get: read, configurable: true });
}

const SHARED = new Float64Array(2);

/** A name for the broken rule, the message that must name it, and the fake. */
const FAKES: [rule: string, message: RegExp, make: () => Env][] = [
  ["id without a version", /must end in a version/, () => new Line({ ...LINE_SPEC, id: "Line" })],
  ["empty return range", /return range/, () => new Line({ ...LINE_SPEC, returnRange: [1, 1] })],
  [
    "bounds out of order",
    /must be in order/,
    () => new Line({ ...LINE_SPEC, observationSpace: boundedBox([10, 0], [-10, 20], "float64") }),
  ],
  [
    "observation beyond its bounds",
    /must lie in its bounds/,
    () => new Line({ ...LINE_SPEC, observationSpace: boundedBox([-10, 0], [10, 3], "float64") }),
  ],
  [
    "observation finer than its type",
    /must be float32/,
    () => new Line({ ...LINE_SPEC, observationSpace: boundedBox([-10, 0], [10, 20]) }),
  ],
  [
    "observation of another length",
    /observation's length/,
    () => observing(new Line(), () => new Float64Array(3)),
  ],
  [
    "step before reset",
    /before the first reset/,
    () => {
      const env = new Line();
      env.reset(1);
      return env;
    },
  ],
  [
    "reset without a seed that starts anew",
    /go on with the stream/,
    () => {
      const env = new Line();
      const reset = env.reset.bind(env);
      env.reset = (seed = 3) => reset(seed);
      return env;
    },
  ],
  [
    "seed that is ignored",
    /another seed/,
    () => {
      const env = new Line();
      const reset = env.reset.bind(env);
      env.reset = (seed) => reset(seed === undefined ? undefined : Math.min(seed, 1));
      return env;
    },
  ],
  [
    "hidden state that survives reset",
    /same seed, the same episode/,
    () => {
      let drift = 0;
      return new class extends Line {
        override observe() {
          super.observe();
          this.observation[0] += drift += 1e-9;
        }
      }();
    },
  ],
  [
    "observation shared between environments",
    /must not move another/,
    () =>
      new class extends Line {
        override observe() {
          super.observe();
          SHARED.set(this.observation);
          observing(this, () => SHARED);
        }
      }(),
  ],
  [
    "merged end flags",
    /truncated at step/,
    () =>
      new class extends Line {
        override step(action: ArrayLike<number>) {
          const transition = super.step(action);
          transition.truncated ||= this.count === 10;
          return transition;
        }
      }(),
  ],
  [
    "reward that is not a number",
    /reward must be finite/,
    () =>
      new class extends Line {
        override step(action: ArrayLike<number>) {
          const transition = super.step(action);
          transition.reward = NaN;
          return transition;
        }
      }(),
  ],
  [
    "action that is not checked",
    /must be refused/,
    () =>
      new class extends Line {
        override step(action: ArrayLike<number>) {
          return super.step([Number.isFinite(action[0]) ? action[0] : 0]);
        }
      }(),
  ],
  [
    "refused action that moves the state",
    /must change nothing/,
    () =>
      new class extends Line {
        override step(action: ArrayLike<number>) {
          this.observation[0] += 1e-3;
          return super.step(action);
        }
      }(),
  ],
  [
    "step after the end",
    /after the end must be refused/,
    () =>
      new class extends Line {
        override step(action: ArrayLike<number>) {
          if (this.count === LINE_SPEC.maxEpisodeSteps) this.reset();
          return super.step(action);
        }
      }(),
  ],
  [
    "fresh observation array",
    /must stay the same array/,
    () => {
      const env = new Line();
      const kept = env.observation;
      env.observe = () => kept.set(env.state());
      return observing(env, () => kept.slice());
    },
  ],
  [
    "state that is a view",
    /must be a copy/,
    () =>
      new class extends Line {
        override state() {
          return this.observation;
        }
      }(),
  ],
  [
    "state that is not put back",
    /put back must read the same/,
    () =>
      new class extends Line {
        override setState() {}
      }(),
  ],
  [
    "use after close",
    /after close/,
    () =>
      new class extends Line {
        override close() {}
      }(),
  ],
];

for (const [rule, message, make] of FAKES) {
  Deno.test(`checkEnvContract() rejects: ${rule}`, async () => {
    await assert.rejects(checkEnvContract(() => Promise.resolve(make())), { message });
  });
}

Deno.test("an episode ends by its time limit and by nothing else", () => {
  const env = new Line();
  env.reset(1);
  for (let t = 1; t <= LINE_SPEC.maxEpisodeSteps; t++) {
    const transition = env.step([1]);
    assert.equal(transition.terminated, false);
    assert.equal(transition.truncated, t === LINE_SPEC.maxEpisodeSteps);
  }
  assert.throws(() => env.step([1]), {
    name: "RangeError",
    message: 'Cannot step environment "Line-v0": no episode is running, got a step: call reset',
  });
});

Deno.test("an episode that terminates at the time limit is both terminated and truncated", () => {
  const env = new Line();
  env.reset(1);
  for (let t = 1; t < LINE_SPEC.maxEpisodeSteps; t++) env.step([1]);
  env.setState([5, 11]);
  const { terminated, truncated } = env.step([1]);
  assert.deepEqual({ terminated, truncated }, { terminated: true, truncated: true });
});

Deno.test("EpisodeEnv names what it refuses", () => {
  const env = new Line();
  env.reset();
  const refusals: [() => unknown, string][] = [
    [
      () => env.step([1, 2]),
      'Cannot step environment "Line-v0": an action must have 1 numbers, got 2',
    ],
    [
      () => env.step([NaN]),
      'Cannot step environment "Line-v0": every number of an action must be finite, got NaN at 0',
    ],
    [
      () => env.reset(-1),
      'Cannot reset environment "Line-v0": a seed must be an integer from 0 to 2^53 - 1, got -1',
    ],
    [
      () => env.setState([1]),
      'Cannot set state of environment "Line-v0": a state must have 2 numbers, got 1',
    ],
    [
      () => env.setState([1, Infinity]),
      'Cannot set state of environment "Line-v0": every number must be finite, got Infinity at 1',
    ],
  ];
  for (const [act, message] of refusals) assert.throws(act, { message });
  env.close();
  assert.throws(() => env.reset(), {
    message: 'Cannot use environment "Line-v0": it must be open, got a closed one',
  });
});
