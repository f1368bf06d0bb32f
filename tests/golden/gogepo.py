"""Writes gogepo.json: an evaluator of policies with probing states, its loss and gradients in PyTorch.

    python tests/golden/gogepo.py > tests/golden/gogepo.json

PyTorch in float64. A policy [S, H, A] with tanh acts on M states; its actions within bounds, action by action,
go into a perceptron with ReLU. Flat vectors stand as W1, b1, W2, b2, ...
"""

import json

import torch

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)

S, H, A, M, B = 3, 4, 2, 5, 3
HALF, CENTRE = torch.tensor([3.0, 0.5]), torch.tensor([0.0, 0.25])
states = torch.rand(M, S, requires_grad=True)
policies = (0.7 * torch.randn(B, H * (S + 1) + A * (H + 1))).requires_grad_()
returns = 3 * torch.randn(B)
net = torch.nn.Sequential(torch.nn.Linear(M * A, 6), torch.nn.ReLU(), torch.nn.Linear(6, 1))


def act(policy):
    w1, b1, w2, b2 = policy.split([H * S, H, A * H, A])
    hidden = torch.tanh(states @ w1.view(H, S).T + b1)
    return torch.tanh(hidden @ w2.view(A, H).T + b2) * HALF + CENTRE


values = torch.stack([net(act(policy).T.reshape(-1)) for policy in policies]).squeeze(1)
loss = ((values - returns) ** 2).mean()
loss.backward()
flat = lambda tensor: tensor.detach().reshape(-1).tolist()
print(json.dumps({
    "source": "autograd in float64",
    "versions": {"torch": torch.__version__},
    "sizes": [S, H, A],
    "halfRange": HALF.tolist(),
    "centre": CENTRE.tolist(),
    "states": flat(states),
    "perceptron": [x for p in net.parameters() for x in flat(p)],
    "policies": flat(policies),
    "returns": returns.tolist(),
    "values": flat(values),
    "loss": loss.item(),
    "stateGradients": flat(states.grad),
    "perceptronGradients": [x for p in net.parameters() for x in flat(p.grad)],
    "policyGradients": flat(policies.grad),
}))
