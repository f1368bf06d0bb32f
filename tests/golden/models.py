"""The compiled arrays of Gymnasium's MuJoCo models: the golden of tests/envs/mujoco/models_test.ts.

The boolean arrays (jnt_limited and the like) are left out: the WebAssembly build cannot hand them out.

Run from the repository's root: python tests/golden/models.py > tests/golden/models.json
"""

import json

import gymnasium
import mujoco
import numpy as np

TASKS = [
    "InvertedPendulum", "InvertedDoublePendulum", "Reacher", "Swimmer", "Hopper", "HalfCheetah",
    "Walker2d", "Ant", "Humanoid",
]
ARRAYS = """
nq nv nu nbody njnt ngeom ntendon
qpos0 qpos_spring
body_parentid body_mass body_inertia body_pos body_quat body_ipos body_iquat body_subtreemass
body_invweight0 body_jntadr body_jntnum body_geomadr body_geomnum
jnt_type jnt_bodyid jnt_pos jnt_axis jnt_range jnt_stiffness jnt_margin jnt_solref
jnt_solimp
dof_damping dof_armature dof_frictionloss dof_invweight0
geom_type geom_bodyid geom_size geom_pos geom_quat geom_friction geom_contype geom_conaffinity
geom_condim geom_priority geom_solmix geom_solref geom_solimp geom_margin geom_gap
actuator_trntype actuator_trnid actuator_dyntype actuator_gaintype actuator_biastype actuator_gear
actuator_ctrlrange actuator_gainprm actuator_biasprm
tendon_num tendon_stiffness tendon_damping
opt.timestep opt.integrator opt.gravity opt.density opt.viscosity opt.solver opt.iterations
opt.tolerance opt.ls_iterations opt.ls_tolerance opt.noslip_iterations opt.cone opt.jacobian
opt.impratio opt.wind opt.disableflags opt.enableflags opt.o_margin opt.o_solref opt.o_solimp
stat.meaninertia
""".split()


def read(model, name):
    value = model
    for key in name.split("."):
        value = getattr(value, key)
    return np.asarray(value, dtype=np.float64).ravel().tolist()


def record(identifier):
    env = gymnasium.make(identifier)
    model = env.unwrapped.model
    result = {name: read(model, name) for name in ARRAYS}
    result["frameSkip"] = env.unwrapped.frame_skip
    env.close()
    return result


print(json.dumps({
    "source": "gymnasium.make(id).unwrapped.model",
    "versions": {"gymnasium": gymnasium.__version__, "mujoco": mujoco.__version__},
    "command": "python tests/golden/models.py > tests/golden/models.json",
    "tolerance": "1e-12 relative for each number",
    "models": {
        f"{task}-v{version}": record(f"{task}-v{version}") for task in TASKS for version in (5, 4)
    },
}, separators=(",", ":")))
