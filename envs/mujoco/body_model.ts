/**
 * Body models as typed descriptions: what a model is made of, apart from how MuJoCo is told.
 *
 * A description names only what the dynamics depend on: no colours, lights, cameras or textures. A
 * property left out takes the model's default for its kind, and then MuJoCo's own. Lengths are metres,
 * masses kilograms, angles what `angle` says, as each model's source writes them, so that compiling
 * rounds the same numbers in the same way.
 *
 * When you add a property: add it to its interface, to the attributes of its kind in mjcf.ts, and to
 * the arrays that tests/golden/models.py records.
 */

/** Three numbers: a point, a direction or an extent. */
export type Vector3 = readonly [x: number, y: number, z: number];

/** A joint between a body and its parent; `hinge` turns about `axis`, `slide` moves along it. */
export interface Joint {
  /** What motors and tendons call it. */
  readonly name?: string;
  /** A hinge unless given. */
  readonly type?: "hinge" | "slide" | "free";
  /** Direction in the body's frame; normalised by the compiler. */
  readonly axis?: Vector3;
  /** A point of the axis in the body's frame. */
  readonly position?: Vector3;
  /** Limits in metres or in the model's angle unit. */
  readonly range?: readonly [low: number, high: number];
  /** Whether `range` acts. */
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
  /** How the limit pushes back: solreflimit. */
  readonly limitReference?: readonly [timeConstant: number, dampingRatio: number];
  /** How hard the limit is: solimplimit. */
  readonly limitImpedance?: readonly number[];
}

/** A shape fixed to a body: it collides and, through its density, has mass. */
export interface Geom {
  /** What pictures call it. */
  readonly name?: string;
  /** A sphere unless given. */
  readonly type?: "capsule" | "sphere" | "plane" | "cylinder";
  /** Radius, then half length where `fromTo` does not give it; for a plane its half extents. */
  readonly size?: readonly number[];
  /** Centre in the body's frame. */
  readonly position?: Vector3;
  /** End points of a capsule or cylinder, instead of position and rotation. */
  readonly fromTo?: readonly [...Vector3, ...Vector3];
  /** w, x, y, z; normalised by the compiler. */
  readonly quaternion?: readonly [w: number, x: number, y: number, z: number];
  /** An axis and an angle about it. */
  readonly axisAngle?: readonly [...Vector3, angle: number];
  /** Sliding, torsional and rolling coefficients; the ones left out keep MuJoCo's defaults. */
  readonly friction?: readonly number[];
  /** kg/m^3. */
  readonly density?: number;
  /** Bits that must meet the affinity of the other shape for a contact. */
  readonly contactType?: number;
  /** Bits that must meet the type of the other shape for a contact. */
  readonly contactAffinity?: number;
  /** Dimensions of a contact: 1 without friction, 3 with sliding friction. */
  readonly contactDimensions?: number;
  /** Distance at which a contact begins to act. */
  readonly margin?: number;
  /** How a contact pushes back: solref. */
  readonly solverReference?: readonly [timeConstant: number, dampingRatio: number];
  /** How hard a contact is: solimp. */
  readonly solverImpedance?: readonly number[];
}

/** A point of interest that moves with its body. */
export interface Site {
  /** What the description calls it. */
  readonly name: string;
  /** Place in the body's frame. */
  readonly position: Vector3;
  /** Extent in pictures; without effect on the dynamics. */
  readonly size: readonly number[];
}

/** A rigid body, its joints to the parent, and what hangs on it, in the order of the state. */
export interface Body {
  /** What the description calls it. */
  readonly name?: string;
  /** Origin in the parent's frame, in the initial pose. */
  readonly position?: Vector3;
  /** Rotation against the parent, in the initial pose. */
  readonly quaternion?: readonly [w: number, x: number, y: number, z: number];
  /** Degrees of freedom against the parent; none: fixed to it. */
  readonly joints?: readonly Joint[];
  /** Shapes that move with it. */
  readonly geoms?: readonly Geom[];
  /** Points that move with it. */
  readonly sites?: readonly Site[];
  /** Bodies that hang on it. */
  readonly bodies?: readonly Body[];
}

/** A torque or force on one joint: gear x control. */
export interface Motor {
  /** Name of the joint that it drives. */
  readonly joint: string;
  /** N or N m per unit of control. */
  readonly gear: number;
  /** Controls beyond it are clipped; the model's default unless given. */
  readonly controlRange?: readonly [low: number, high: number];
}

/** A length that is a weighted sum of joint values. */
export interface FixedTendon {
  /** What the description calls it. */
  readonly name: string;
  /** The sum: coefficient times joint value. */
  readonly terms: readonly { readonly joint: string; readonly coefficient: number }[];
}

/** The simulation's settings. */
export interface Options {
  /** Duration of one simulation step. */
  readonly timeStepSeconds: number;
  /** Euler unless given. */
  readonly integrator?: "Euler" | "RK4";
  /** m/s^2. */
  readonly gravity?: Vector3;
  /** Density of the medium in kg/m^3: above 0 it drags. */
  readonly density?: number;
  /** Viscosity of the medium in kg/(m s). */
  readonly viscosity?: number;
  /** Constraint solver; Newton unless given. */
  readonly solver?: "PGS" | "CG" | "Newton";
  /** The solver's largest number of iterations. */
  readonly iterations?: number;
}

/** A whole model. */
export interface BodyModel {
  /** The name in the MJCF document. */
  readonly name: string;
  /** Where the numbers come from. */
  readonly source: string;
  /** Unit of joint ranges and of `axisAngle`. */
  readonly angle: "degree" | "radian";
  /** Scales all masses to this sum in kg. */
  readonly totalMass?: number;
  /** The simulation's settings. */
  readonly options: Options;
  /** What parts have that name nothing else. */
  readonly defaults: {
    readonly joint?: Joint;
    readonly geom?: Geom;
    readonly motor?: { readonly controlRange: readonly [low: number, high: number] };
  };
  /** Shapes fixed to the world. */
  readonly scene: readonly Geom[];
  /** The bodies that hang on the world. */
  readonly bodies: readonly Body[];
  /** The motors, in the order of the action's numbers. */
  readonly motors: readonly Motor[];
  /** Coupled joint lengths. */
  readonly tendons?: readonly FixedTendon[];
}
