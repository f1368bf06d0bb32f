"""Hindsight regression in function space, as PyTorch computes it: the golden of
tests/models/function_loss_test.ts.

Policies are in policy order (W1, b1, W2, b2, ...; W as [out, in]); states are normalised already.

Run from the repository's root: python tests/golden/function_loss.py > tests/golden/function_loss.json
"""

import json

import torch

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
ROWS, STATES = 3, 5
CASES = [
    ("tanh", "box", [3, 8, 4, 2]),
    ("relu", "box", [3, 8, 4, 2]),
    ("relu", "discrete", [4, 4, 3]),
    ("tanh", "box", [5, 2]),
]


def act(parameters, sizes, states, activation, actions):
    x, offset = states, 0
    for layer, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
        weight = parameters[offset:offset + fan_in * fan_out].view(fan_out, fan_in)
        offset += fan_in * fan_out
        bias = parameters[offset:offset + fan_out]
        offset += fan_out
        x = torch.nn.functional.linear(x, weight, bias)
        if layer < len(sizes) - 2:
            x = torch.tanh(x) if activation == "tanh" else torch.relu(x)
    return torch.tanh(x) if actions == "box" else 2 * torch.softmax(x, dim=1)


def record(activation, actions, sizes):
    count = sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))
    generated = (0.7 * torch.randn(ROWS, count)).requires_grad_()
    stored = 0.7 * torch.randn(ROWS, count)
    states = torch.randn(STATES, sizes[0])
    shares = torch.tensor([0.5, 0.25, 0.25])
    errors = [
        torch.nn.functional.mse_loss(
            act(g, sizes, states, activation, actions), act(s, sizes, states, activation, actions))
        for g, s in zip(generated, stored)
    ]
    loss = (shares * torch.stack(errors)).sum()
    loss.backward()
    flat = lambda tensor: tensor.detach().ravel().tolist()
    return {
        "activation": activation, "actions": actions, "sizes": sizes,
        "generated": flat(generated), "stored": flat(stored), "states": flat(states),
        "shares": flat(shares), "loss": loss.item(), "gradient": flat(generated.grad),
    }


print(json.dumps({
    "source": "torch.nn.functional.mse_loss and autograd in float64",
    "versions": {"torch": torch.__version__},
    "command": "python tests/golden/function_loss.py > tests/golden/function_loss.json",
    "tolerance": "1e-12 for each number",
    "cases": [record(*case) for case in CASES],
}))
