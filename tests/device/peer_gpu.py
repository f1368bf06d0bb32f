"""Times PyTorch's updates on the GPU, or the GPU's own rates, and prints JSON:

    python tests/device/peer_gpu.py --policy 11-256-256-3 --batch 24
    python tests/device/peer_gpu.py --rates

An update is eager, with fused Adam, captured as one CUDA graph ("graph"), or compiled.
"""

import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import peer_pytorch as peer  # says in one line that torch is missing
import torch


def timed(run, count, skip=3):
    for _ in range(skip):
        run()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return {"median": round(statistics.median(times), 4), "fastest": round(min(times), 4)}


def synced(work):
    def run():
        work()
        torch.cuda.synchronize()
    return run


def floors():
    """Rates of copies, products, launches, a node of a CUDA graph, and the bus."""
    size = 1 << 28
    a, b = torch.empty(size, device="cuda"), torch.empty(size, device="cuda")
    a.normal_()
    copy = timed(synced(lambda: b.copy_(a)), 10)["median"]
    del a, b
    x = torch.empty(10 << 20 >> 2, device="cuda").normal_()
    y = torch.empty_like(x)

    def many():
        for _ in range(50):
            y.copy_(x)
    small = timed(synced(many), 10)["median"] / 50
    m = torch.empty(8192, 8192, device="cuda").normal_()
    torch.backends.cuda.matmul.allow_tf32 = False
    n = torch.empty_like(m)
    product = timed(synced(lambda: torch.mm(m, m, out=n)), 4, 2)["median"]
    del m, n
    p, q = torch.randn(1536, 512, device="cuda"), torch.randn(512, 1024, device="cuda")
    r = torch.empty(1536, 1024, device="cuda")

    def products():
        for _ in range(50):
            torch.mm(p, q, out=r)
    medium = timed(synced(products), 10)["median"] / 50
    t = torch.zeros(16, device="cuda")

    def adds():
        for _ in range(200):
            t.add_(1)
    launch = timed(synced(adds), 20)["median"] / 200
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        adds()
    replay = timed(synced(graph.replay), 20)["median"] / 200
    host = torch.empty(1 << 24)
    pinned = torch.empty(1 << 24).pin_memory()
    device = torch.empty(1 << 24, device="cuda")
    return {
        "copyGBs": round(2 * 4 * size / copy / 1e6, 1),
        "copy10MBus": round(1e3 * small, 2),
        "fp32TFLOPs": round(2 * 8192**3 / product / 1e9, 2),
        "fp32TFLOPs1536x512x1024": round(2 * 1536 * 512 * 1024 / medium / 1e9, 2),
        "launchUs": round(1e3 * launch, 3),
        "graphNodeUs": round(1e3 * replay, 3),
        "pageableGBs": round(4 * (1 << 24) / timed(synced(lambda: device.copy_(host)), 5)["median"] / 1e6, 2),
        "pinnedGBs": round(4 * (1 << 24) / timed(synced(lambda: device.copy_(pinned)), 5)["median"] / 1e6, 2),
    }


def captured(sizes, batch):
    """The same update as one CUDA graph."""
    torch.manual_seed(0)
    generator = peer.Generator(sizes).to("cuda")
    count = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-6, fused=True, capturable=True)
    command = torch.rand(batch, 1, device="cuda")
    target = 0.1 * torch.randn(batch, count, device="cuda")

    def update():
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.mse_loss(generator(command), target).backward()
        optimizer.step()

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            update()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        update()
    return synced(graph.replay)


def update_of(kind, sizes, batch):
    if kind == "graph":
        return captured(sizes, batch)
    return peer.updater(sizes, kind != "eager", kind == "compiled", batch, "cuda")[0]


def attempt(kind, arguments):
    try:
        sizes = list(map(int, arguments.policy.split("-")))
        return timed(update_of(kind, sizes, arguments.batch), arguments.updates)
    except Exception as error:  # one kind may lack what another has
        return {"failed": str(error).splitlines()[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", action="store_true", help="the GPU's rates in place of updates")
    parser.add_argument("--policy", default="11-256-256-3")
    parser.add_argument("--batch", type=int, default=peer.BATCH)
    parser.add_argument("--updates", type=int, default=30, help="updates of each kind that are timed")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("Cannot measure PyTorch: it must see a GPU, got none")
    report = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name(0)}
    if arguments.rates:
        report["rates"] = floors()
    else:
        report |= {"policy": arguments.policy, "batch": arguments.batch}
        report["updateMilliseconds"] = {
            kind: attempt(kind, arguments) for kind in ("eager", "fused", "graph", "compiled")
        }
    print(json.dumps(report, indent=2))


main()
