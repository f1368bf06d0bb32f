"""Run a policy file of udrlpg in Gymnasium with ONNX Runtime alone.

    pip install onnxruntime "gymnasium[mujoco]"
    udrlpg generate --run runs/pendulum --return 1000 --out policy.onnx
    python onnx_policy.py policy.onnx --episodes 5 --seed 1

The normaliser, the network and the action scaling are inside the file: the observation goes in as the
environment gives it, the action comes out within the environment's bounds.
"""

import argparse
import json
import statistics

import gymnasium
import numpy
import onnxruntime


def run_episode(env, session, seed):
    """Run one episode and return the sum of its rewards."""
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    observation, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        batch = numpy.asarray(observation, dtype=numpy.float32)[None]
        (action,) = session.run(["action"], {"observation": batch})
        observation, reward, terminated, truncated, _ = env.step(
            int(action[0]) if discrete else action[0]
        )
        total += float(reward)
        over = terminated or truncated
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("policy", help="ONNX file")
    parser.add_argument("--env", help="environment id (default: the one in the file)")
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first episode")
    options = parser.parse_args()

    session = onnxruntime.InferenceSession(options.policy, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    env = gymnasium.make(options.env or metadata["environment"])
    returns = [run_episode(env, session, options.seed + i) for i in range(options.episodes)]
    env.close()
    print(json.dumps({
        "env": env.spec.id,
        "requestedReturn": float(metadata["requestedReturn"]) if "requestedReturn" in metadata else None,
        "returns": returns,
        "mean": statistics.fmean(returns),
    }))


if __name__ == "__main__":
    main()
