"""Measures the reference configuration in PyTorch, as the peer of `deno task bench`.

    python tests/bench/peer_pytorch.py [--threads N] [--rounds N] [--only 11-256-256-3]

Prints one JSON document to stdout: median and fastest time of the update step (milliseconds) and of
the policy's forward for one observation (microseconds). Needs PyTorch, and a C++ compiler for
torch.compile.

The update step is forward, backward and Adam for the generator of arXiv 2501.16288 in its reference
configuration: per layer kind of the policy (input, hidden, output) one MLP for weights and one for
biases, (E + 1) -> 512 -> 512 -> out with ReLU, tiles of F = 32 units, E = 32 learnt numbers per tile,
batch 24, mean squared error, Adam 2e-6. Tiles are run as one batch and assembled by reshapes, which is
faster than a loop over tiles: the peer is not held back. A policy without hidden layers is one tile, and
its generator has the widths of the default preset, 128.
"""

import argparse
import json
import statistics
import sys
import time

try:
    import torch
    from torch import nn
except ImportError as error:
    sys.exit(f"Cannot measure PyTorch: torch must be importable, got {error}: pip install torch")

TILE = 32
EMBEDDING = 32
HIDDEN = 512
BATCH = 24
LEARNING_RATE = 2e-6
POLICIES = ([11, 256, 256, 3], [4, 32, 32, 1], [11, 3])
DEFAULT_HIDDEN = 128
UPDATES_PER_ROUND = 4
FORWARDS_PER_ROUND = 1000


def head(outputs, hidden):
    """(E + 1) -> hidden -> hidden -> outputs, ReLU. nn.Linear starts uniform in +-1 / sqrt(fan-in)."""
    return nn.Sequential(
        nn.Linear(EMBEDDING + 1, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


class LayerKind(nn.Module):
    """Generates every tile of one layer: W [B, out, in] and b [B, out]."""

    def __init__(self, tiles_in, tiles_out, rows, columns, hidden=HIDDEN):
        super().__init__()
        self.tiles_in, self.tiles_out, self.rows, self.columns = tiles_in, tiles_out, rows, columns
        self.embedding = nn.Parameter(torch.randn(tiles_in * tiles_out, EMBEDDING))
        self.weights = head(rows * columns, hidden)
        self.biases = head(rows, hidden)

    def forward(self, command):
        batch, tiles = command.shape[0], self.embedding.shape[0]
        x = torch.cat(
            [self.embedding.expand(batch, -1, -1), command[:, None, :].expand(-1, tiles, -1)], dim=2
        )
        # [B, in, out, rows, columns] -> [B, out rows, in columns]
        w = self.weights(x).view(batch, self.tiles_in, self.tiles_out, self.rows, self.columns)
        w = w.permute(0, 2, 3, 1, 4).reshape(
            batch, self.tiles_out * self.rows, self.tiles_in * self.columns
        )
        # Tiles that share an output tile average their biases over the input tiles.
        b = self.biases(x).view(batch, self.tiles_in, self.tiles_out, self.rows).mean(1)
        return w, b.reshape(batch, self.tiles_out * self.rows)


class Generator(nn.Module):
    """command [B, 1] -> flat policy parameters [B, P]: W1, b1, W2, b2, W3, b3."""

    def __init__(self, sizes):
        super().__init__()
        if len(sizes) == 2:
            self.kinds = nn.ModuleList([LayerKind(1, 1, sizes[1], sizes[0], DEFAULT_HIDDEN)])
            return
        inputs, width, second, outputs = sizes
        assert width == second and width % TILE == 0
        tiles = width // TILE
        self.kinds = nn.ModuleList([
            LayerKind(1, tiles, TILE, inputs),
            LayerKind(tiles, tiles, TILE, TILE),
            LayerKind(tiles, 1, outputs, TILE),
        ])

    def forward(self, command):
        parts = []
        for kind in self.kinds:
            w, b = kind(command)
            parts += [w.flatten(1), b]
        return torch.cat(parts, dim=1)


def updater(sizes, fused, compiled, batch=BATCH, device="cpu"):
    """Makes a function that runs one update on a fixed batch, and counts the generator's weights."""
    torch.manual_seed(0)
    generator = Generator(sizes).to(device)
    count = sum(p.numel() for p in generator.parameters())
    parameter_count = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
    optimizer = torch.optim.Adam(generator.parameters(), lr=LEARNING_RATE, fused=fused)
    command = torch.rand(batch, 1, device=device)
    target = 0.1 * torch.randn(batch, parameter_count, device=device)

    def loss_of(command, target):
        return nn.functional.mse_loss(generator(command), target)

    run = torch.compile(loss_of, dynamic=False) if compiled else loss_of

    def update():
        optimizer.zero_grad()
        run(command, target).backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return update, count


def policy_forwards(sizes):
    """Makes functions that run one forward: the module alone, and all that a rollout step needs."""
    torch.manual_seed(0)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    policy = nn.Sequential(*layers[:-1])
    mean = torch.zeros(sizes[0], dtype=torch.float64)
    inverse = torch.ones(sizes[0], dtype=torch.float64)
    observation = torch.randn(sizes[0], dtype=torch.float64).numpy()
    x = torch.from_numpy(observation).float()

    def module():
        with torch.inference_mode():
            policy(x)

    def step():
        with torch.inference_mode():
            policy(((torch.from_numpy(observation) - mean) * inverse).float()).numpy()

    return {"module": module, "withNormaliser": step}


def measure(functions, rounds, repeats, unit):
    """Times the functions in turns, so that a busy moment meets all of them."""
    times = {name: [] for name in functions}
    for round_index in range(rounds + 1):
        for name, run in functions.items():
            for _ in range(repeats):
                start = time.perf_counter()
                run()
                elapsed = time.perf_counter() - start
                if round_index > 0:  # The first round warms up, and compiles.
                    times[name].append(elapsed * unit)
    return {
        name: {"median": round(statistics.median(values), 3), "fastest": round(min(values), 3)}
        for name, values in times.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, help="CPU threads, PyTorch's own choice when absent")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of 4 updates and 1000 forwards")
    parser.add_argument("--only", help="one policy, such as 4-32-32-1")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    report = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "policies": {},
    }
    for sizes in POLICIES:
        name = "-".join(map(str, sizes))
        if arguments.only not in (None, name):
            continue
        variants = {}
        for label, fused, compiled in (
            ("eager", False, False),
            ("eagerFusedAdam", True, False),
            ("compiledFusedAdam", True, True),
        ):
            variants[label], count = updater(sizes, fused, compiled)
        report["policies"][name] = {
            "generatorWeights": count,
            "batch": BATCH,
            "updateMilliseconds": measure(variants, arguments.rounds, UPDATES_PER_ROUND, 1e3),
            "policyForwardMicroseconds": measure(
                policy_forwards(sizes), arguments.rounds, FORWARDS_PER_ROUND, 1e6
            ),
        }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
