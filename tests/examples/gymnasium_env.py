"""Offers any Gymnasium environment to udrlpg's --env-command.

    udrlpg train --env-command "python gymnasium_env.py CartPole-v1 --return-range 0 500"

One JSON object per line: requests on standard input, answers on standard output. Boxes and discrete
actions are supported, observations of any shape are flattened. Everything that the environment prints
goes to standard error, so that it cannot break the conversation.
"""

import argparse
import json
import sys

import gymnasium
import numpy as np


def describe_box(space):
    def bounds(values):
        return [float(x) if np.isfinite(x) else None for x in np.ravel(values)]

    dtype = "float32" if space.dtype == np.float32 else "float64"
    return {"low": bounds(space.low), "high": bounds(space.high), "dtype": dtype}


def describe(env, options):
    answer = {
        "id": env.spec.id.rpartition("/")[2],
        "observationSpace": describe_box(env.observation_space),
        "maxEpisodeSteps": env.spec.max_episode_steps or options.max_steps,
        "source": f"gymnasium.make({env.spec.id!r}), Gymnasium {gymnasium.__version__}",
    }
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        answer["actionSpace"] = {"n": int(env.action_space.n)}
    else:
        answer["actionSpace"] = describe_box(env.action_space)
    if env.spec.reward_threshold is not None:
        answer["rewardThreshold"] = env.spec.reward_threshold
    if options.return_range is not None:
        answer["returnRange"] = options.return_range
    return answer


def flatten(observation):
    return np.ravel(observation).astype(np.float64).tolist()


def step(env, action):
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        action = int(space.start) + action[0]
    else:
        action = np.asarray(action, dtype=space.dtype).reshape(space.shape)
    observation, reward, terminated, truncated, _ = env.step(action)
    return {
        "observation": flatten(observation),
        "reward": float(reward),
        "terminated": bool(terminated),
        "truncated": bool(truncated),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("id", help="Gymnasium's id, such as CartPole-v1")
    parser.add_argument("--return-range", nargs=2, type=float, metavar=("LOW", "HIGH"))
    parser.add_argument("--max-steps", type=int, default=1000, help="where the id has no limit")
    options = parser.parse_args()

    answers, sys.stdout = sys.stdout, sys.stderr
    env = gymnasium.make(options.id)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["command"] == "describe":
                answer = describe(env, options)
            elif request["command"] == "reset":
                answer = {"observation": flatten(env.reset(seed=request.get("seed"))[0])}
            else:
                answer = step(env, request["action"])
        except Exception as error:  # told to the other side, which then ends this process
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    env.close()


if __name__ == "__main__":
    main()
