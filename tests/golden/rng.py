"""Draws from NumPy's default generator: the golden of tests/lib/numbers/rng_test.ts.

Run from the repository's root: python tests/golden/rng.py > tests/golden/rng.json
"""

import json

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

SEEDS = [0, 1, 42, 123456789, 2**32 - 1, 2**32, 2**53 - 1, [7, 3, 11], [1, 2, 3, 4, 5, 2**40, 0]]
LONG = 1_000_000


def hexadecimal(number):
    return format(number, "032x")


def save(generator):
    state = generator.bit_generator.state
    return {
        "algorithm": "PCG64",
        "state": hexadecimal(state["state"]["state"]),
        "increment": hexadecimal(state["state"]["inc"]),
        "buffered": state["uinteger"] if state["has_uint32"] else None,
    }


def case(seed):
    generator = Generator(PCG64(SeedSequence(seed)))
    result = {"seed": seed, "start": save(generator)}
    result["words"] = [int(x) for x in SeedSequence(seed).generate_state(8)]
    result["uniform"] = generator.uniform(-0.05, 0.05, 20).tolist()
    result["normal"] = generator.standard_normal(60).tolist()
    result["random"] = generator.random(10).tolist()
    result["integers"] = [int(generator.integers(n)) for n in [2, 3, 7, 1000, 2**31 + 1, 2**32, 1, 5]]
    result["uint32"] = [int(x) for x in generator.integers(0, 2**32, 7, dtype=np.uint32)]
    result["end"] = save(generator)
    return result


def long_run():
    """A million normals: every draw beyond the ziggurat's last layer, and where the state ends."""
    generator = Generator(PCG64(SeedSequence(5)))
    draws = generator.standard_normal(LONG)
    tail = np.nonzero(np.abs(draws) > 3.6541528853610088)[0]
    return {
        "seed": 5,
        "count": LONG,
        "tail": [[int(i), float(draws[i])] for i in tail],
        "everyThousandth": draws[::1000].tolist(),
        "end": save(generator),
    }


print(json.dumps({
    "source": "numpy.random.Generator(PCG64(SeedSequence(seed)))",
    "versions": {"numpy": np.__version__},
    "command": "python tests/golden/rng.py > tests/golden/rng.json",
    "tolerance": "exact",
    "cases": [case(seed) for seed in SEEDS],
    "longRun": long_run(),
}, separators=(",", ":")))
