/**
 * Renders body models to MJCF, the XML that MuJoCo compiles.
 *
 * Source of the names: MuJoCo 3.14, XML reference.
 */

import type { Body, BodyModel, Geom, Joint, Motor } from "./body_model.ts";

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
