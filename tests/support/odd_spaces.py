"""Environments of every kind of space, for tests: gym:odd_spaces:Odd-v0?observation=NAME&action=NAME.

Each step, the reward is the sum of the action that arrives, and `seen` in standard error has it whole.
"""

import os, random, sys, time

import gymnasium
import numpy as np
from gymnasium import spaces

INFINITY = np.inf
SPACES = {
    "box": spaces.Box(-1, 1, (2,)),
    "wide": spaces.Box(-1, 1, (2, 3)),
    "scalar": spaces.Box(0, 1, ()),
    "free": spaces.Box(-INFINITY, INFINITY, (2,)),
    "half": spaces.Box(np.array([0, -INFINITY]), np.array([INFINITY, 5]), dtype=np.float64),
    "equal": spaces.Box(np.array([1.0, 0.0]), np.array([1.0, 2.0]), dtype=np.float64),
    "whole": spaces.Box(-5, 5, (2,), dtype=np.int64),
    "discrete": spaces.Discrete(4),
    "started": spaces.Discrete(3, start=-1),
    "binary": spaces.MultiBinary(3),
    "multi": spaces.MultiDiscrete([3, 2]),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 1, (2, 2)))),
    "dict": spaces.Dict({"b": spaces.Discrete(3), "a": spaces.Box(-1, 1, (2,))}),
    "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
    "pictured": spaces.Dict({"eye": spaces.Box(0, 255, (8, 8), np.uint8)}),
    "text": spaces.Text(5),
    "sequence": spaces.Sequence(spaces.Discrete(2)),
}


class Odd(gymnasium.Env):
    def __init__(self, observation="box", action="discrete", bad=None):
        self.observation_space = SPACES[observation]
        self.action_space = SPACES[action]
        self.bad = bad
        print("a banner")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        print("a step")
        reward = float("nan") if self.bad == "reward" else float(np.sum(action))
        return self.observation_space.sample(), reward, False, False, {}


class Drawn(gymnasium.Env):
    """Walks at random, in steps that it draws from where `source` says; with the seed 555 `bad` befalls it."""

    observation_space = spaces.Box(-INFINITY, INFINITY, (1,), dtype=np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, source="own", seconds=0, bad=None, render_mode=None):
        self.source, self.seconds, self.bad, self.render_mode = source, seconds, bad, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            random.seed(seed)
        self.place, self.is_bad = 0.0, seed == 555
        return np.array([self.place]) if self.bad == "old" else (np.array([self.place]), {})

    def step(self, action):
        if self.seconds:
            time.sleep(self.seconds)
        drawn = random.random() if self.source == "shared" else self.np_random.random()
        self.place += float(action) + drawn
        bad = self.bad if self.is_bad and self.place > 3 else None
        if bad == "failing":
            raise RuntimeError("the ground is gone")
        if bad == "crashing":
            print("the motor is on fire", file=sys.stderr, flush=True)
            os._exit(7)
        if bad == "four":
            return np.array([self.place]), 0, False, {}
        return np.full(2 if bad == "long" else 1, self.place), self.place, self.place > 20, False, {}


gymnasium.register("Drawn-v0", Drawn, max_episode_steps=50)
gymnasium.register("Odd-v0", Odd, max_episode_steps=5)
gymnasium.register("Endless-v0", Odd)
for first in SPACES:
    for second in SPACES:
        options = {"observation": first, "action": second}
        gymnasium.register(f"Odd_{first}_{second}-v0", Odd, max_episode_steps=5, kwargs=options)
