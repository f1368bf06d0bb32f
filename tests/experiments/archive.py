"""Trains a policy with Stable-Baselines3 and keeps checkpoints of it as ONNX files: an archive for `udrlpg distill`.

    pip install stable-baselines3 onnx
    python3 archive.py ppo CartPole-v1 --steps 15000 --out ppo-cartpole
    python3 archive.py td3 Pendulum-v1 --steps 9000 --out td3-pendulum
"""

import argparse
import pathlib

import gymnasium
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from stable_baselines3 import PPO, TD3
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn


def layers_of(kind, model):
    """The policy's layers from the observation to the action, as torch modules."""
    if kind == "td3":
        return list(model.actor.mu)
    return [*model.policy.mlp_extractor.policy_net, model.policy.action_net]


def encode(kind, model, env):
    """One MLP as an ONNX model: Gemm, Tanh and Relu, then the scaling to the action's bounds."""
    nodes, constants, value = [], [], "observation"

    def add(op, inputs, **attributes):
        nodes.append(helper.make_node(op, inputs, [f"v{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def constant(array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), f"c{len(constants)}"))
        return constants[-1].name

    for layer in layers_of(kind, model):
        if isinstance(layer, nn.Linear):
            weight, bias = (constant(part.detach().cpu().numpy()) for part in (layer.weight, layer.bias))
            value = add("Gemm", [value, weight, bias], transB=1)
        else:
            value = add({"Tanh": "Tanh", "ReLU": "Relu"}[type(layer).__name__], [value])
    if isinstance(env.action_space, gymnasium.spaces.Box):
        low, high = env.action_space.low, env.action_space.high
        if kind == "td3":  # the actor ends in tanh
            value = add("Add", [add("Mul", [value, constant((high - low) / 2)]), constant((high + low) / 2)])
        else:
            value = add("Clip", [value, constant(low[0]), constant(high[0])])
        width = env.action_space.shape[0]
    else:
        width = int(env.action_space.n)  # scores: the largest is chosen
    nodes[-1].output[0] = "output"
    graph = helper.make_graph(
        nodes, "policy",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["N", env.observation_space.shape[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", width])],
        constants)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


class Keep(BaseCallback):
    """Writes the policy now and then; the first is the untrained one."""

    def __init__(self, kind, env, *, out, every):
        super().__init__()
        self.kind, self.env, self.out, self.every = kind, env, out, every

    def _on_step(self):
        if (self.num_timesteps - 1) % self.every == 0:
            name = f"{self.num_timesteps - 1:06d}.onnx"
            onnx.save(encode(self.kind, self.model, self.env), self.out / name)
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["ppo", "td3"])
    parser.add_argument("env")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--count", type=int, default=30, help="checkpoints")
    parser.add_argument("--widths", type=int, nargs="*", default=[32, 32])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    values = parser.parse_args()
    values.out.mkdir(parents=True)
    env = gymnasium.make(values.env)
    every = values.steps // values.count
    if values.kind == "ppo":
        model = PPO("MlpPolicy", env, policy_kwargs={"net_arch": values.widths}, n_steps=256, batch_size=64,
                    seed=values.seed, device="cpu")
    else:
        model = TD3("MlpPolicy", env, policy_kwargs={"net_arch": values.widths}, learning_starts=300,
                    learning_rate=3e-3, seed=values.seed, device="cpu",
                    action_noise=None)
    keep = Keep(values.kind, env, out=values.out, every=every)
    model.learn(every * (values.count - 1) + 1, callback=keep)


if __name__ == "__main__":
    main()
