"""Acts by a policy where actions are Discrete: python discrete.py POLICY ID SEED"""
import sys, gymnasium, numpy, onnxruntime
policy, env = onnxruntime.InferenceSession(sys.argv[1]), gymnasium.make(sys.argv[2])
observation, _ = env.reset(seed=int(sys.argv[3]))
total, over = 0.0, False
while not over:
    flat = gymnasium.spaces.flatten(env.observation_space, observation).astype(numpy.float32)
    choice = policy.run(["action"], {"observation": flat[None]})[0][0]
    observation, reward, terminated, truncated, _ = env.step(env.action_space.start + choice)
    total, over = total + reward, terminated or truncated
print(total)
