"""Writes actor_critic.json: losses, gradients and three update steps of twin critics and a policy in PyTorch.

    python tests/golden/actor_critic.py > tests/golden/actor_critic.json

PyTorch in float64. The critics' loss has the target of td3: reward + discount * the lower value of the target
critics for the target policy's action with noise, within bounds. Flat vectors stand as W1, b1, W2, b2, ...
"""

import json

import torch

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)

S, A, H, B = 3, 2, 4, 6
HALF, CENTRE = torch.tensor([3.0, 0.5]), torch.tensor([0.0, 0.25])
DISCOUNT, RATE, TAU = 0.9, 0.01, 0.005


def network(sizes):
    layers = []
    for i in range(1, len(sizes)):
        layers += [torch.nn.Linear(sizes[i - 1], sizes[i]), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def flat(*nets):
    return [p.item() for net in nets for q in net.parameters() for p in q.detach().reshape(-1)]


def slopes(*nets):
    return [p.item() for net in nets for q in net.parameters() for p in q.grad.reshape(-1)]


actor, target_actor = network([S, H, A]), network([S, H, A])
critics = [network([S + A, H, 1]) for _ in range(2)]
targets = [network([S + A, H, 1]) for _ in range(2)]
every = [actor, *critics, target_actor, *targets]
golden = {
    "source": "torch.optim.Adam and autograd in float64",
    "versions": {"torch": torch.__version__},
    "sizes": [S, H, A],
    "halfRange": HALF.tolist(),
    "centre": CENTRE.tolist(),
    "discount": DISCOUNT,
    "learningRate": RATE,
    "tau": TAU,
    "actor": flat(actor),
    "critics": flat(*critics),
    "target.actor": flat(target_actor),
    "target.critics": flat(*targets),
    "steps": [],
}
critic_steps = torch.optim.Adam([p for net in critics for p in net.parameters()], lr=RATE)
actor_steps = torch.optim.Adam(actor.parameters(), lr=RATE)


def act(net, states):
    return torch.tanh(net(states)) * HALF + CENTRE


for _ in range(3):
    batch = {
        "observations": torch.randn(B, S),
        "actions": torch.rand(B, A) * 2 * HALF - HALF + CENTRE,
        "nexts": torch.randn(B, S),
        "noise": torch.randn(B, A) * HALF,
        "rewards": torch.randn(B, 1),
        "goesOn": (torch.rand(B, 1) > 0.3).double(),
    }
    with torch.no_grad():
        after = act(target_actor, batch["nexts"]) + batch["noise"]
        after = torch.minimum(torch.maximum(after, CENTRE - HALF), CENTRE + HALF)
        pair = torch.cat([batch["nexts"], after], 1)
        low = torch.minimum(targets[0](pair), targets[1](pair))
        y = batch["rewards"] + batch["goesOn"] * DISCOUNT * low
    taken = torch.cat([batch["observations"], batch["actions"]], 1)
    critic_loss = sum(((critic(taken) - y) ** 2).mean() for critic in critics)
    critic_steps.zero_grad()
    critic_loss.backward()
    record = {
        **{name: value.reshape(-1).tolist() for name, value in batch.items()},
        "criticLoss": critic_loss.item(),
        "criticGradients": slopes(*critics),
    }
    critic_steps.step()
    states = batch["observations"]
    actor_loss = -critics[0](torch.cat([states, act(actor, states)], 1)).mean()
    actor_steps.zero_grad()
    actor_loss.backward()
    record |= {"actorLoss": actor_loss.item(), "actorGradients": slopes(actor)}
    actor_steps.step()
    with torch.no_grad():
        for net, target in zip([actor, *critics], [target_actor, *targets]):
            for p, q in zip(net.parameters(), target.parameters()):
                q += TAU * (p - q)
    record |= {
        "actor": flat(actor),
        "critics": flat(*critics),
        "target.actor": flat(target_actor),
        "target.critics": flat(*targets),
    }
    golden["steps"].append(record)

print(json.dumps(golden))
