"""Resets and transitions of Gymnasium's environments: the goldens of tests/envs/golden_test.ts.

Run from the repository's root: python tests/golden/envs.py
It writes tests/golden/envs/TASK.json, one file for all versions of a task:

resets       per id: [seed, first observation, observation of a second reset without a seed]
transitions  per case: a seed, the action's dtype, the injected states (rounded, so that they are short
             and still exact), the actions (a fifth beyond the bounds), and per id what one step gives
free         per id: a seed, actions, and the observations of unbroken steps until the first contact,
             at most 50

A MuJoCo state is qpos, then qvel, put back after mj_resetData so that nothing of the past remains.
Of a second version's observation only what follows the first version's is written, unless they differ.
Long observations (Ant, Humanoid) keep their first numbers, and two weighted sums of the rest.
"""

import json
import pathlib
import sys

import gymnasium
import mujoco
import numpy as np

CLASSIC = ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0", "Acrobot-v1"]
MUJOCO = [
    "InvertedPendulum", "InvertedDoublePendulum", "Reacher", "Swimmer", "Hopper", "HalfCheetah",
    "Walker2d", "Ant", "Humanoid",
]
RESET_SEEDS = range(20)
CASE_SEEDS = range(5)
STEPS = 200
FLOAT32_STEPS = 50
FREE_STEPS = 50
FREE_SCALE = 0.1
STATE_DECIMALS = 4
ACTION_DECIMALS = 2
OVERSHOOT = 1.2
DIGITS = 10
LONGEST_OBSERVATION = 60
KEPT = 45
FOLDER = pathlib.Path(__file__).parent / "envs"


def is_mujoco(env):
    return hasattr(env.unwrapped, "data")


def get_state(env):
    inner = env.unwrapped
    if is_mujoco(env):
        return np.concatenate([inner.data.qpos, inner.data.qvel])
    return np.asarray(inner.state, dtype=np.float64)


def set_state(env, state):
    inner = env.unwrapped
    if is_mujoco(env):
        mujoco.mj_resetData(inner.model, inner.data)
        inner.set_state(state[: inner.model.nq], state[inner.model.nq :])
    elif env.spec.id.startswith("MountainCar"):
        inner.state = state.astype(np.float32)
    else:
        inner.state = state
    if hasattr(inner, "steps_beyond_terminated"):
        inner.steps_beyond_terminated = None


def shorten(observation):
    observation = np.asarray(observation, dtype=np.float64)
    if len(observation) <= LONGEST_OBSERVATION:
        return observation
    rest = observation[KEPT:]
    weights = 1 + np.arange(len(rest)) % 7
    return np.concatenate([observation[:KEPT], [rest.sum(), (rest * weights).sum()]])


def numbers(values, exact):
    values = np.asarray(values, dtype=np.float64).tolist()
    if not exact:
        values = [float(f"{x:.{DIGITS}g}") for x in values]
    return [int(x) if x == int(x) and abs(x) < 1e15 else x for x in values]


def draw_action(env, rng, dtype, decimals=ACTION_DECIMALS):
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(rng.integers(space.n))
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    action = rng.uniform(OVERSHOOT * low, OVERSHOOT * high)
    return action.astype(np.float32) if dtype == "float32" else np.round(action, decimals)


def plain(action):
    return [action] if isinstance(action, int) else numbers(action, True)


def case(envs, seed, dtype, steps):
    lead = envs[0]
    exact = not is_mujoco(lead)
    rng = np.random.default_rng([seed, 1])
    lead.reset(seed=1000 + seed)
    result = {"seed": seed, "dtype": dtype, "state": [], "action": []}
    for env in envs:
        result[env.spec.id] = {"observation": [], "reward": [], "terminated": []}
        if exact:
            result[env.spec.id]["next"] = []
    state = get_state(lead)
    for _ in range(steps):
        if lead.spec.id.startswith("MountainCar"):
            state = state.astype(np.float32).astype(np.float64)
        else:
            state = np.round(state, STATE_DECIMALS)
        action = draw_action(lead, rng, dtype)
        result["state"].append(numbers(state, True))
        result["action"].append(plain(action))
        for env in reversed(envs):
            env.unwrapped.np_random  # a generator must exist
            set_state(env, state)
            observation, reward, terminated, _, _ = env.unwrapped.step(action)
            record = result[env.spec.id]
            record["observation"].append(numbers(shorten(observation), exact))
            record["reward"].append(numbers([reward], exact)[0])
            record["terminated"].append(int(terminated))
            if exact:
                record["next"].append(numbers(get_state(env), True))
        if terminated:
            lead.reset()
        state = get_state(lead)
    first = result[lead.spec.id]["observation"]
    for env in envs[1:]:  # what a version shares with the first one is not written again
        record = result[env.spec.id]
        record["observation"] = [rest(a, b) for a, b in zip(first, record["observation"])]
    return result


def rest(first, observation):
    """What follows after the numbers of `first`; all of it where the two differ."""
    shared = min(len(first), len(observation))
    return observation[shared:] if first[:shared] == observation[:shared] else observation


def resets(env):
    rows = []
    for seed in RESET_SEEDS:
        first = env.reset(seed=seed)[0]
        rows.append([seed, numbers(shorten(first), True), numbers(shorten(env.reset()[0]), True)])
    return rows


def free(env):
    inner = env.unwrapped
    for seed in range(50):  # the first seed with a fair number of steps in the air, else the last
        rng = np.random.default_rng([seed, 2])
        env.reset(seed=seed)
        actions, observations = [], []
        for _ in range(FREE_STEPS):
            action = draw_action(env, rng, "float64")
            if not isinstance(action, int):
                action = np.clip(action, env.action_space.low, env.action_space.high)
                action = np.round(action * FREE_SCALE, ACTION_DECIMALS)
            observation, _, terminated, _, _ = inner.step(action)
            if is_mujoco(env) and inner.data.ncon > 0:
                break
            actions.append(plain(action))
            observations.append(numbers(shorten(observation), True))
            if terminated:
                break
        if len(actions) >= 5:
            break
    return {"seed": seed, "action": actions, "observation": observations[-1:]}


def write(name, identifiers):
    envs = [gymnasium.make(identifier, disable_env_checker=True) for identifier in identifiers]
    for env in envs:
        env.reset(seed=0)
    steps = STEPS // 10 if name == "Humanoid" else STEPS
    golden = {
        "source": " and ".join(f"gymnasium.make({identifier!r})" for identifier in identifiers),
        "versions": {
            "gymnasium": gymnasium.__version__,
            "mujoco": mujoco.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "command": "python tests/golden/envs.py",
        "tolerance": "stated per environment in tests/envs/golden_test.ts",
        "resets": {env.spec.id: resets(env) for env in envs},
        "transitions": [case(envs, seed, "float64", steps) for seed in CASE_SEEDS]
        + [case(envs, 5, "float32", FLOAT32_STEPS)],
        "free": {env.spec.id: free(env) for env in envs},
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


FOLDER.mkdir(exist_ok=True)
for identifier in CLASSIC:
    write(identifier.split("-")[0], [identifier])
for task in MUJOCO:
    write(task, [f"{task}-v5", f"{task}-v4"])
