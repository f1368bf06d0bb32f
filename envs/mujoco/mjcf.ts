/**
 * Body models as typed descriptions, and their rendering to MJCF, the XML that MuJoCo compiles.
 *
 * A description names only what the dynamics depend on: no colours, lights, cameras or textures. A
 * property left out takes the model's default for its kind, and then MuJoCo's own. Lengths are
 * metres, masses kilograms, angles what `angle` says, as each model's source writes them, so that
 * compiling rounds the same numbers in the same way.
 *
 * When you add a property: add it to its interface and to the list of attributes of its kind below,
 * and to the arrays that tests/golden/models.py records.
 *
 * Source of the names: MuJoCo 3.14 XML reference.
 */

/** Three numbers: a point, a direction or an extent. */
export type Vector3 = readonly [x: number, y: number, z: number];

/** A joint between a body and its parent; `hinge` turns about `axis`, `slide` moves along it. */
export interface Joint {
  readonly name?: string;
  readonly type?: "hinge" | "slide" | "free";
  readonly axis?: Vector3;
  readonly position?: Vector3;
  /** Limits in metres or in the model's angle unit. */
  readonly range?: readonly [low: number, high: number];
  readonly limited?: boolean;
  /** N s/m or N m s/rad. */
  readonly damping?: number;
  /** Added inertia: kg or kg m^2. */
  readonly armature?: number;
  /** N/m or N m/rad. */
  readonly stiffness?: number;
  /** The joint's value in the initial pose. */
  readonly reference?: number;
  /** Distance at which the limit begins to act. */
  readonly margin?: number;
  readonly limitReference?: readonly [timeConstant: number, dampingRatio: number];
  readonly limitImpedance?: readonly number[];
}

/** A shape fixed to a body: it collides and, through its density, has mass. */
export interface Geom {
  readonly name?: string;
  readonly type?: "capsule" | "sphere" | "plane" | "cylinder";
  /** Radius, then half length where `fromTo` does not give it; for a plane its half extents. */
  readonly size?: readonly number[];
  readonly position?: Vector3;
  readonly fromTo?: readonly [...Vector3, ...Vector3];
  /** w, x, y, z; normalised by the compiler. */
  readonly quaternion?: readonly [w: number, x: number, y: number, z: number];
  /** An axis and an angle about it. */
  readonly axisAngle?: readonly [...Vector3, angle: number];
  /** Sliding, torsional and rolling coefficients; the ones left out keep MuJoCo's defaults. */
  readonly friction?: readonly number[];
  /** kg/m^3. */
  readonly density?: number;
  readonly contactType?: number;
  readonly contactAffinity?: number;
  /** Dimensions of a contact: 1 without friction, 3 with sliding friction. */
  readonly contactDimensions?: number;
  readonly margin?: number;
  readonly solverReference?: readonly [timeConstant: number, dampingRatio: number];
  readonly solverImpedance?: readonly number[];
}

/** A point of interest that moves with its body. */
export interface Site {
  readonly name: string;
  readonly position: Vector3;
  readonly size: readonly number[];
}

/** A rigid body, its joints to the parent, and what hangs on it, in the order of the state. */
export interface Body {
  readonly name?: string;
  readonly position?: Vector3;
  readonly quaternion?: readonly [w: number, x: number, y: number, z: number];
  readonly joints?: readonly Joint[];
  readonly geoms?: readonly Geom[];
  readonly sites?: readonly Site[];
  readonly bodies?: readonly Body[];
}

/** A torque or force on one joint: gear x control. */
export interface Motor {
  readonly joint: string;
  /** N or N m per unit of control. */
  readonly gear: number;
  readonly controlRange?: readonly [low: number, high: number];
}

/** A length that is a weighted sum of joint values. */
export interface FixedTendon {
  readonly name: string;
  readonly terms: readonly { readonly joint: string; readonly coefficient: number }[];
}

/** The simulation's settings. */
export interface Options {
  readonly timeStepSeconds: number;
  readonly integrator?: "Euler" | "RK4";
  /** m/s^2. */
  readonly gravity?: Vector3;
  /** Density of the medium in kg/m^3: above 0 it drags. */
  readonly density?: number;
  /** Viscosity of the medium in kg/(m s). */
  readonly viscosity?: number;
  readonly solver?: "PGS" | "CG" | "Newton";
  readonly iterations?: number;
}

/** A whole model. */
export interface BodyModel {
  readonly name: string;
  /** Where the numbers come from. */
  readonly source: string;
  readonly angle: "degree" | "radian";
  /** Scales all masses to this sum in kg. */
  readonly totalMass?: number;
  readonly options: Options;
  readonly defaults: {
    readonly joint?: Joint;
    readonly geom?: Geom;
    readonly motor?: { readonly controlRange: readonly [low: number, high: number] };
  };
  /** Shapes fixed to the world. */
  readonly scene: readonly Geom[];
  readonly bodies: readonly Body[];
  readonly motors: readonly Motor[];
  readonly tendons?: readonly FixedTendon[];
}

type Value = string | number | boolean | readonly number[] | undefined;

/** Renders attributes in the order given, leaving out what is undefined. */
function attributes(pairs: readonly (readonly [string, Value])[]): string {
  let text = "";
  for (const [name, value] of pairs) {
    if (value === undefined) continue;
    if (typeof value === "string" && !/^[\w.-]*$/.test(value)) {
      throw new RangeError(
        `Cannot render model: a name must have only letters, digits, ".", "-" and "_", got "${value}"`,
      );
    }
    text += ` ${name}="${typeof value === "object" ? value.join(" ") : value}"`;
  }
  return text;
}

function jointAttributes(joint: Joint): string {
  return attributes([
    ["name", joint.name],
    ["type", joint.type],
    ["axis", joint.axis],
    ["pos", joint.position],
    ["range", joint.range],
    ["limited", joint.limited],
    ["damping", joint.damping],
    ["armature", joint.armature],
    ["stiffness", joint.stiffness],
    ["ref", joint.reference],
    ["margin", joint.margin],
    ["solreflimit", joint.limitReference],
    ["solimplimit", joint.limitImpedance],
  ]);
}

function geomAttributes(geom: Geom): string {
  return attributes([
    ["name", geom.name],
    ["type", geom.type],
    ["size", geom.size],
    ["pos", geom.position],
    ["fromto", geom.fromTo],
    ["quat", geom.quaternion],
    ["axisangle", geom.axisAngle],
    ["friction", geom.friction],
    ["density", geom.density],
    ["contype", geom.contactType],
    ["conaffinity", geom.contactAffinity],
    ["condim", geom.contactDimensions],
    ["margin", geom.margin],
    ["solref", geom.solverReference],
    ["solimp", geom.solverImpedance],
  ]);
}

function renderBody(body: Body, indent: string): string {
  const head = attributes([
    ["name", body.name],
    ["pos", body.position],
    ["quat", body.quaternion],
  ]);
  const inner = indent + "  ";
  const lines = [`${indent}<body${head}>`];
  for (const joint of body.joints ?? []) lines.push(`${inner}<joint${jointAttributes(joint)}/>`);
  for (const geom of body.geoms ?? []) lines.push(`${inner}<geom${geomAttributes(geom)}/>`);
  for (const site of body.sites ?? []) {
    const text = attributes([["name", site.name], ["pos", site.position], ["size", site.size]]);
    lines.push(`${inner}<site${text}/>`);
  }
  for (const child of body.bodies ?? []) lines.push(renderBody(child, inner));
  lines.push(`${indent}</body>`);
  return lines.join("\n");
}

function renderMotor(motor: Motor): string {
  const text = attributes([
    ["joint", motor.joint],
    ["gear", motor.gear],
    ["ctrllimited", motor.controlRange === undefined ? undefined : true],
    ["ctrlrange", motor.controlRange],
  ]);
  return `    <motor${text}/>`;
}

/**
 * Renders a description as an MJCF document. Numbers are written so that they read back exactly.
 * @throws {RangeError} when a name could not stand in an XML attribute.
 */
export function renderMjcf(model: BodyModel): string {
  const { options, defaults } = model;
  const compiler = attributes([
    ["angle", model.angle],
    ["inertiafromgeom", true],
    ["settotalmass", model.totalMass],
  ]);
  const option = attributes([
    ["timestep", options.timeStepSeconds],
    ["integrator", options.integrator],
    ["gravity", options.gravity],
    ["density", options.density],
    ["viscosity", options.viscosity],
    ["solver", options.solver],
    ["iterations", options.iterations],
  ]);
  const motor = attributes([
    ["ctrllimited", defaults.motor === undefined ? undefined : true],
    ["ctrlrange", defaults.motor?.controlRange],
  ]);
  const tendons = (model.tendons ?? []).map(({ name, terms }) => {
    const joints = terms.map(({ joint, coefficient }) =>
      `<joint${attributes([["joint", joint], ["coef", coefficient]])}/>`
    );
    return `    <fixed${attributes([["name", name]])}>${joints.join("")}</fixed>`;
  });
  return [
    `<mujoco${attributes([["model", model.name]])}>`,
    `  <compiler${compiler}/>`,
    `  <option${option}/>`,
    "  <default>",
    `    <joint${jointAttributes(defaults.joint ?? {})}/>`,
    `    <geom${geomAttributes(defaults.geom ?? {})}/>`,
    `    <motor${motor}/>`,
    "  </default>",
    "  <worldbody>",
    ...model.scene.map((geom) => `    <geom${geomAttributes(geom)}/>`),
    ...model.bodies.map((body) => renderBody(body, "    ")),
    "  </worldbody>",
    ...(tendons.length > 0 ? ["  <tendon>", ...tendons, "  </tendon>"] : []),
    "  <actuator>",
    ...model.motors.map(renderMotor),
    "  </actuator>",
    "</mujoco>",
    "",
  ].join("\n");
}
