/** Policies act by ten lines of Python in every kind of space as they act here. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { connectEnv } from "../../lib/episodes/process/env_process.ts";
import { gymProgram } from "../../lib/episodes/process/gym_env.ts";
import { runEpisode } from "../../lib/episodes/rollout.ts";
import { writePolicy } from "../../lib/generator/policy_file.ts";
import { readPolicy } from "../../lib/generator/read_policy.ts";
import { Rng } from "../../lib/numbers/rng.ts";
import { models } from "../../models/models.ts";
import { gymTest, pythonHas, writePython } from "../support/gym_python.ts";
import { drawPolicy } from "../support/random_policy.ts";
import { tanhNetwork } from "../support/tanh_network.ts";
import { withFolder } from "../support/tiny_command.ts";

const MODULES = fileURLToPath(new URL("../support", import.meta.url));
const SCRIPTS = fileURLToPath(new URL("./spaces", import.meta.url));

/** Kinds of observations and actions, the example that drives them, and what the policy file says of both. */
const CASES: readonly [observation: string, action: string, script: string, layout: string][] = [
  [
    "box",
    "discrete",
    "discrete",
    '{"observation":{"kind":"Box","size":2,"shape":[2]},"action":{"kind":"Discrete","size":4,"n":4,"start":0}}',
  ],
  [
    "discrete",
    "started",
    "discrete",
    '{"observation":{"kind":"Discrete","size":4,"n":4,"start":0},"action":{"kind":"Discrete","size":3,"n":3,"start":-1}}',
  ],
  [
    "binary",
    "box",
    "box",
    '{"observation":{"kind":"MultiBinary","size":3,"shape":[3]},"action":{"kind":"Box","size":2,"shape":[2]}}',
  ],
  [
    "wide",
    "free",
    "box",
    '{"observation":{"kind":"Box","size":6,"shape":[2,3]},"action":{"kind":"Box","size":2,"shape":[2]}}',
  ],
  [
    "multi",
    "wide",
    "box",
    '{"observation":{"kind":"MultiDiscrete","size":5,"shape":[2],"nvec":[3,2],"start":[0,0]},"action":{"kind":"Box","size":6,"shape":[2,3]}}',
  ],
  [
    "tuple",
    "multi",
    "multi_discrete",
    '{"observation":{"kind":"Tuple","parts":[{"kind":"Discrete","size":2,"n":2,"start":0},{"kind":"Box","size":4,"shape":[2,2]}]},"action":{"kind":"MultiDiscrete","size":5,"shape":[2],"nvec":[3,2],"start":[0,0]}}',
  ],
  [
    "dict",
    "binary",
    "multi_binary",
    '{"observation":{"kind":"Dict","parts":[["a",{"kind":"Box","size":2,"shape":[2]}],["b",{"kind":"Discrete","size":3,"n":3,"start":0}]]},"action":{"kind":"MultiBinary","size":3,"shape":[3]}}',
  ],
];

/** Writes a policy for an environment at random; gives its metadata and the return of seed 7. */
async function playHere(id: string, path: string, python: string) {
  const env = await connectEnv(gymProgram(`gym:${id}`, python));
  try {
    const { spec } = env;
    const shape = models.policyShape(spec, tanhNetwork([]));
    const size = spec.observationSpace.low.length;
    writePolicy(path, {
      numbers: {
        ...tanhNetwork([]),
        parameters: drawPolicy(shape, Rng.fromSeed(5)),
        normaliser: { mean: new Float64Array(size), deviation: new Float64Array(size).fill(0.5) },
      },
      label: {
        environment: spec.id,
        requestedReturn: 0,
        command: 0,
        measuredReturn: null,
        generator: "",
      },
      format: "onnx",
      spec,
      models,
    });
    const file = readPolicy(path, { models });
    const { return: total } = await runEpisode(env, await file.open(spec), { seed: 7 });
    return { total, metadata: file.metadata };
  } finally {
    await env.close();
  }
}

const hasRuntime = pythonHas("onnxruntime");
for (const [observation, action, script, layout] of CASES) {
  const name = `${script}.py acts as we do with ${observation} observations and ${action} actions`;
  gymTest(
    name + (hasRuntime ? "" : " (our side alone: Python has no onnxruntime)"),
    () =>
      withFolder(async (folder) => {
        const python = await writePython(folder, { modules: MODULES });
        const id = `odd_spaces:Odd_${observation}_${action}-v0`;
        const path = `${folder}/policy.onnx`;
        const { total, metadata } = await playHere(id, path, python);
        assert.equal(metadata.layout, layout);
        assert.match(metadata.environmentIdentity, /^observation \d/);
        if (!hasRuntime) return;
        const args = [`${SCRIPTS}/${script}.py`, path, id, "7"];
        const { stdout, stderr } = await new Deno.Command(python, { args }).output();
        const said = new TextDecoder().decode(stdout).trim().split("\n").at(-1);
        const returned = Number(said);
        assert.ok(
          Math.abs(returned - total) < 1e-5,
          `${said} ${total} ${new TextDecoder().decode(stderr)}`,
        );
      }),
  );
}
