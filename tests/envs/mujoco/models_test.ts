/** The compiled models against the arrays of Gymnasium's. */

import assert from "node:assert/strict";
import { registry } from "../../../envs/registry.ts";
import { MujocoEnv } from "../../../envs/mujoco/mujoco_env.ts";
import { renderMjcf } from "../../../envs/mujoco/mjcf.ts";
import { Simulation } from "../../../envs/mujoco/simulation.ts";

/** Relative to the larger of 1 and the number: native code and WebAssembly round differently. */
const TOLERANCE = 1e-12;

type Arrays = Record<string, number[]>;

const golden: { models: Record<string, Arrays & { frameSkip: number }> } = JSON.parse(
  Deno.readTextFileSync(new URL("../../golden/models.json", import.meta.url)),
);

/** Lists the arrays that differ, with the first difference of each. */
function differences(read: (name: string) => Float64Array, expected: Arrays): string[] {
  const found: string[] = [];
  for (const [name, numbers] of Object.entries(expected)) {
    if (name === "frameSkip") continue;
    const actual = read(name);
    if (actual.length !== numbers.length) {
      found.push(`${name}: ${actual.length} numbers instead of ${numbers.length}`);
      continue;
    }
    const bad = numbers.findIndex((x, i) =>
      !(Math.abs(actual[i] - x) <= TOLERANCE * Math.max(1, Math.abs(x)))
    );
    if (bad >= 0) found.push(`${name}[${bad}]: ${actual[bad]} instead of ${numbers[bad]}`);
  }
  return found;
}

for (const [id, expected] of Object.entries(golden.models)) {
  Deno.test(`registry.make() compiles the model of ${id} as Gymnasium's`, async () => {
    const env = await registry.make(id);
    assert.ok(env instanceof MujocoEnv);
    assert.deepEqual(differences((name) => env.modelArray(name), expected), []);
    env.close();
  });
}

Deno.test("the model comparison rejects a changed mass, friction and range", async () => {
  const expected = golden.models["Hopper-v5"];
  const env = await registry.make("Hopper-v5");
  assert.ok(env instanceof MujocoEnv);
  for (const name of ["body_mass", "geom_friction", "jnt_range"]) {
    const changed = { ...expected, [name]: expected[name].map((x) => x * (1 + 1e-9)) };
    const found = differences((array) => env.modelArray(array), changed);
    assert.equal(found.length, 1);
    assert.ok(found[0].startsWith(name));
  }
  assert.throws(() => env.modelArray("nothing"), { message: /^Cannot read model: / });
  env.close();
});

Deno.test("renderMjcf() writes the attributes that are given, and refuses a name with quotes", () => {
  const model = {
    name: "pendulum",
    source: "none",
    angle: "radian",
    options: { timeStepSeconds: 0.1 },
    defaults: { geom: { density: 5 } },
    scene: [],
    bodies: [{
      name: "bob",
      joints: [{ name: "pivot", type: "hinge", limited: false, axis: [0, 1, 0] }],
      geoms: [{ type: "sphere", size: [0.1] }],
    }],
    motors: [{ joint: "pivot", gear: 2, controlRange: [-1, 1] }],
  } as const;
  const mjcf = renderMjcf(model);
  assert.ok(mjcf.includes('<joint name="pivot" type="hinge" axis="0 1 0" limited="false"/>'));
  assert.ok(mjcf.includes('<motor joint="pivot" gear="2" ctrllimited="true" ctrlrange="-1 1"/>'));
  assert.ok(mjcf.includes('<geom density="5"/>'));
  assert.throws(() => renderMjcf({ ...model, name: 'a"b' }), {
    name: "RangeError",
    message:
      'Cannot render model: a name must have only letters, digits, ".", "-" and "_", got "a"b"',
  });
});

Deno.test("Simulation.create() passes on what MuJoCo finds wrong", async () => {
  await assert.rejects(Simulation.create("<mujoco><nothing/></mujoco>"), /nothing/);
});
