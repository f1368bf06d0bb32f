"""Times a run of the method's public code, as the peer of `deno task bench --runs --reference`.

    python tests/bench/peer_reference.py CHECKOUT ENV STEPS [SEED]

CHECKOUT is one of github.com/JacopoD/udrlpg_; Python needs torch, numpy, and gymnasium[mujoco] 1.0 or
newer with the environments of version 4. Its configuration is the paper's; what it reports on the way
is turned off, and with one thread. Modules that only report are stood in for. Prints one JSON document.
"""

import builtins
import json
import sys
import time
import types
import warnings


class Nothing(types.ModuleType):
    """Has every attribute, can be called with anything, and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name)

    def __call__(self, *arguments, **options):
        return Nothing("result")


def main():
    checkout, env, steps, seed = (sys.argv[1:] + ["1"])[:4]
    warnings.filterwarnings("ignore")
    sys.path.insert(0, checkout)
    for name in ("wandb", "matplotlib", "matplotlib.pyplot"):
        sys.modules[name] = Nothing(name)
    import numpy
    import torch

    numpy.float_ = numpy.float64  # numpy 2 has no such name
    torch.set_num_threads(1)
    import udrlpg.config as config
    import new_driver
    from udrlpg.tracker import Tracker

    config.gym_env_name, config.seed = env, int(seed)
    parse = new_driver.parse_config

    def parse_for_timing(*arguments):
        parsed = parse(*arguments)
        parsed.max_steps = int(steps)
        parsed.eval_frequency = parsed.extensive_eval_frequency = 10 * int(steps)
        return parsed

    new_driver.parse_config = parse_for_timing
    Tracker.create_directoy = lambda *arguments: "/tmp"
    Tracker.done = lambda *arguments: None
    updates, step = [0], torch.optim.Adam.step

    def count(*arguments, **options):
        updates[0] += 1
        return step(*arguments, **options)

    torch.optim.Adam.step = count
    out, builtins.print = print, lambda *arguments, **options: None
    start = time.perf_counter()
    new_driver.main(is_sweep=False, project_name="bench", use_wandb=False)
    seconds = time.perf_counter() - start
    out(json.dumps({"seconds": seconds, "updates": updates[0], "torch": torch.__version__}))


main()
