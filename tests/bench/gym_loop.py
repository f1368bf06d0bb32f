"""Plays listed episodes in a plain loop, as often as it reads a line; prints the seconds, also of the processor."""

import json, sys, time

import gymnasium

name, path = sys.argv[1:]
with open(path) as file:
    episodes = json.load(file)
env = gymnasium.make(name, disable_env_checker=True)
for _ in sys.stdin:
    before, busy = time.perf_counter(), time.process_time()
    for seed, actions in episodes:
        env.reset(seed=seed)
        for action in actions:
            env.step(action)
    print(json.dumps([time.perf_counter() - before, time.process_time() - busy]), flush=True)
