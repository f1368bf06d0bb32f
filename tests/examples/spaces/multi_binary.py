"""Acts by a policy where actions are MultiBinary: python multi_binary.py POLICY ID SEED"""
import sys, gymnasium, numpy, onnxruntime
policy, env = onnxruntime.InferenceSession(sys.argv[1]), gymnasium.make(sys.argv[2])
observation, _ = env.reset(seed=int(sys.argv[3]))
total, over, space = 0.0, False, env.action_space
while not over:
    flat = gymnasium.spaces.flatten(env.observation_space, observation).astype(numpy.float32)
    numbers = policy.run(["action"], {"observation": flat[None]})[0][0].reshape(space.shape)
    observation, reward, terminated, truncated, _ = env.step((numbers > 0).astype(space.dtype))
    total, over = total + reward, terminated or truncated
print(total)
