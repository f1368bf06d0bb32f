"""Samples of Gymnasium's action spaces: the golden of tests/lib/episodes/replay_test.ts.

Run from the repository's root: python tests/golden/samples.py > tests/golden/samples.json
"""

import json

import gymnasium
import numpy as np

IDS = ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "InvertedPendulum-v5", "Humanoid-v5"]


def samples(identifier):
    space = gymnasium.make(identifier).action_space
    space.seed(11)
    return [np.asarray(space.sample(), dtype=np.float64).ravel().tolist() for _ in range(5)]


print(json.dumps({
    "source": "gymnasium.make(id).action_space.seed(11), then sample()",
    "versions": {"gymnasium": gymnasium.__version__, "numpy": np.__version__},
    "command": "python tests/golden/samples.py > tests/golden/samples.json",
    "tolerance": "exact",
    "seed": 11,
    "samples": {identifier: samples(identifier) for identifier in IDS},
}, separators=(",", ":")))
