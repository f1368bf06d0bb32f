// AssemblyScript, compiled by `deno task kernels` into policy_kernel_bytes.ts; not part of the
// TypeScript program. policy_kernel.ts describes the memory layout and what was measured.

// tanh(x) = x P(x^2) / Q(x^2) within +-7.9: the bounds, P and Q from the constant up. Fitted for this file: weighted least squares, reweighted towards the
// largest relative error (Lawson), on 4,000 Chebyshev-spaced points of [0, 7.9].
// They lie in memory because a constant in a vector register is built anew at every use.
const TANH = memory.data<f32>([
  7.9,
  -7.9,
  0.9999999943476662,
  0.13450619423676832,
  0.003578990655246892,
  2.2023222151837747e-5,
  1.5427939751899098e-8,
  1,
  0.46783947423406724,
  0.026192232749583697,
  0.00034236482954921323,
  8.598766857969008e-7,
], 16);

/** The first address behind this module's own data. */
export function freeAddress(): usize {
  return __heap_base;
}

/**
 * Replaces `quads` groups of four numbers at `at` by their hyperbolic tangents. `pmin` and `pmax` keep
 * a NaN in their first operand.
 */
export function squash(at: usize, quads: i32): void {
  const high = v128.load32_splat(TANH);
  const low = v128.load32_splat(TANH, 4);
  const p0 = v128.load32_splat(TANH, 8);
  const p1 = v128.load32_splat(TANH, 12);
  const p2 = v128.load32_splat(TANH, 16);
  const p3 = v128.load32_splat(TANH, 20);
  const p4 = v128.load32_splat(TANH, 24);
  const q0 = v128.load32_splat(TANH, 28);
  const q1 = v128.load32_splat(TANH, 32);
  const q2 = v128.load32_splat(TANH, 36);
  const q3 = v128.load32_splat(TANH, 40);
  const q4 = v128.load32_splat(TANH, 44);
  for (let i = 0; i < quads; i++) {
    const x = f32x4.pmax(f32x4.pmin(v128.load(at), high), low);
    const t = f32x4.mul(x, x);
    let p = f32x4.add(f32x4.mul(p4, t), p3);
    let q = f32x4.add(f32x4.mul(q4, t), q3);
    p = f32x4.add(f32x4.mul(p, t), p2);
    q = f32x4.add(f32x4.mul(q, t), q2);
    p = f32x4.add(f32x4.mul(p, t), p1);
    q = f32x4.add(f32x4.mul(q, t), q1);
    p = f32x4.add(f32x4.mul(p, t), p0);
    q = f32x4.add(f32x4.mul(q, t), q0);
    v128.store(at, f32x4.div(f32x4.mul(x, p), q));
    at += 16;
  }
}

/** Replaces `quads` groups of four numbers at `at` by max(x, 0); a NaN stays one. */
export function rectify(at: usize, quads: i32): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < quads; i++) {
    v128.store(at, f32x4.max(v128.load(at), zero));
    at += 16;
  }
}

/**
 * y = b + W x. `weights` holds `wide` panels of 32 outputs, then `narrow` panels of 4; a panel is its
 * biases followed by one row of weights per input. The inputs are taken in `pairs`: the caller pads
 * an odd number of them with a zero and a row of zeros.
 */
export function dense(x: usize, pairs: i32, weights: usize, y: usize, wide: i32, narrow: i32): void {
  let w = weights;
  const end = x + (<usize> pairs << 3);
  for (let panel = 0; panel < wide; panel++) {
    let a0 = v128.load(w);
    let a1 = v128.load(w, 16);
    let a2 = v128.load(w, 32);
    let a3 = v128.load(w, 48);
    let a4 = v128.load(w, 64);
    let a5 = v128.load(w, 80);
    let a6 = v128.load(w, 96);
    let a7 = v128.load(w, 112);
    w += 128;
    for (let at = x; at < end; at += 8) {
      let s = v128.load32_splat(at);
      a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w)));
      a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 16)));
      a2 = f32x4.add(a2, f32x4.mul(s, v128.load(w, 32)));
      a3 = f32x4.add(a3, f32x4.mul(s, v128.load(w, 48)));
      a4 = f32x4.add(a4, f32x4.mul(s, v128.load(w, 64)));
      a5 = f32x4.add(a5, f32x4.mul(s, v128.load(w, 80)));
      a6 = f32x4.add(a6, f32x4.mul(s, v128.load(w, 96)));
      a7 = f32x4.add(a7, f32x4.mul(s, v128.load(w, 112)));
      s = v128.load32_splat(at, 4);
      a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w, 128)));
      a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 144)));
      a2 = f32x4.add(a2, f32x4.mul(s, v128.load(w, 160)));
      a3 = f32x4.add(a3, f32x4.mul(s, v128.load(w, 176)));
      a4 = f32x4.add(a4, f32x4.mul(s, v128.load(w, 192)));
      a5 = f32x4.add(a5, f32x4.mul(s, v128.load(w, 208)));
      a6 = f32x4.add(a6, f32x4.mul(s, v128.load(w, 224)));
      a7 = f32x4.add(a7, f32x4.mul(s, v128.load(w, 240)));
      w += 256;
    }
    v128.store(y, a0);
    v128.store(y, a1, 16);
    v128.store(y, a2, 32);
    v128.store(y, a3, 48);
    v128.store(y, a4, 64);
    v128.store(y, a5, 80);
    v128.store(y, a6, 96);
    v128.store(y, a7, 112);
    y += 128;
  }
  for (let panel = 0; panel < narrow; panel++) {
    let a = v128.load(w);
    w += 16;
    for (let at = x; at < end; at += 8) {
      a = f32x4.add(a, f32x4.mul(v128.load32_splat(at), v128.load(w)));
      a = f32x4.add(a, f32x4.mul(v128.load32_splat(at, 4), v128.load(w, 16)));
      w += 32;
    }
    v128.store(y, a);
    y += 16;
  }
}
