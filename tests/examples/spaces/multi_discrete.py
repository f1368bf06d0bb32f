"""Acts by a policy where actions are MultiDiscrete: python multi_discrete.py POLICY ID SEED"""
import sys, gymnasium, numpy, onnxruntime
policy, env = onnxruntime.InferenceSession(sys.argv[1]), gymnasium.make(sys.argv[2])
observation, _ = env.reset(seed=int(sys.argv[3]))
total, over, ends = 0.0, False, numpy.cumsum(env.action_space.nvec)[:-1]
while not over:
    flat = gymnasium.spaces.flatten(env.observation_space, observation).astype(numpy.float32)
    scores = numpy.split(policy.run(["action"], {"observation": flat[None]})[0][0], ends)
    observation, reward, terminated, truncated, _ = env.step(env.action_space.start + [s.argmax() for s in scores])
    total, over = total + reward, terminated or truncated
print(total)
