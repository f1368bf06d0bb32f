"""Writes policies of Stable-Baselines3 as its documentation exports them, and what `predict` gives.

    pip install stable-baselines3 onnx onnxscript
    python export_policies.py

Each file has other names, outputs and batch sizes. The policies are not trained: what counts is that the
program acts by a file as Stable-Baselines3 acts by the policy that it was exported from.
"""

import json
import pathlib
import warnings

import gymnasium
import numpy
import stable_baselines3
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC

FOLDER = pathlib.Path(__file__).parent
COUNT = 5


class Whole(torch.nn.Module):
    """The documented wrapper of on-policy policies: action, value, log probability."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation):
        return self.policy(observation, deterministic=True)


class Actor(torch.nn.Module):
    """The documented wrapper of off-policy actors: an action between -1 and 1."""

    def __init__(self, actor):
        super().__init__()
        self.actor = actor

    def forward(self, observation):
        return self.actor(observation, deterministic=True)


class Chosen(torch.nn.Module):
    """The action alone."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation):
        return self.policy._predict(observation, deterministic=True)


class Logits(torch.nn.Module):
    """The network in front of the distribution."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation):
        features, _ = self.policy.mlp_extractor(self.policy.extract_features(observation))
        return self.policy.action_net(features)


def export(name, model, module, batch=1, **options):
    env = model.get_env()
    size = env.observation_space.shape
    torch.onnx.export(
        module.eval(),
        torch.zeros(batch, *size),
        FOLDER / f"{name}.onnx",
        opset_version=17,
        dynamo=False,
        **options,
    )
    rng = numpy.random.default_rng(7)
    observations = rng.normal(0, 1, (COUNT, *size)).astype(numpy.float32)
    actions, _ = model.predict(observations, deterministic=True)
    id = env.envs[0].spec.id
    return {
        "file": f"{name}.onnx",
        "env": id,
        "observations": observations.tolist(),
        "actions": numpy.reshape(actions, (COUNT, -1)).tolist(),
    }


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(3)
    free = {0: "batch"}

    def make(kind, env):  # the arguments are changed by whoever gets them
        return kind("MlpPolicy", env, policy_kwargs={"net_arch": [4]}, seed=3, device="cpu")

    ppo = make(PPO, "CartPole-v1")
    swing = make(PPO, "Pendulum-v1")
    sac = make(SAC, "Pendulum-v1")
    a2c = make(A2C, "Pendulum-v1")
    dqn = make(DQN, "CartPole-v1")
    with torch.no_grad():  # actions that leave the bounds, which predict clips
        swing.policy.action_net.weight.mul_(300)
        ppo.policy.action_net.weight.mul_(100)
    cases = [
        export("ppo_choices", ppo, Whole(ppo.policy), input_names=["input"]),
        export(
            "ppo_numbers",
            swing,
            Whole(swing.policy),
            input_names=["input"],
            output_names=["actions", "values", "log_prob"],
            dynamic_axes={"input": free, "actions": free, "values": free, "log_prob": free},
        ),
        export("sac_actor", sac, Actor(sac.policy.actor), input_names=["input"]),
        export(
            "a2c_action",
            a2c,
            Chosen(a2c.policy),
            batch=3,
            input_names=["obs"],
            output_names=["deterministic"],
        ),
        export(
            "dqn_values",
            dqn,
            dqn.q_net,
            input_names=["observations"],
            output_names=["q_values"],
            dynamic_axes={"observations": free, "q_values": free},
        ),
        export("ppo_logits", ppo, Logits(ppo.policy), input_names=["state"], output_names=["logits"]),
    ]
    versions = {
        "stable_baselines3": stable_baselines3.__version__,
        "torch": torch.__version__,
        "gymnasium": gymnasium.__version__,
    }
    text = json.dumps({"versions": versions, "cases": cases}, indent=1)
    (FOLDER / "policies.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
