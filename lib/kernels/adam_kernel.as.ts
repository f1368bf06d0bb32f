// AssemblyScript, compiled by `deno task kernels` into adam_kernel_bytes.ts; not part of the
// TypeScript program. adam_kernel.ts describes the memory layout and what was measured.

/** Replaces the lanes of `x` whose magnitude is below `limit` by 0; NaN stays NaN. */
function flush(x: v128, limit: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), limit));
}

/**
 * One Adam step over `octets` groups of eight weights `w`, moments `m` and `v`, gradients `g`.
 * Everything that is constant comes as an argument: a literal is built anew at every use.
 */
export function adam(
  w: usize,
  m: usize,
  v: usize,
  g: usize,
  octets: i32,
  stepSize: f32,
  epsilon: f32,
  beta1: f32,
  beta2: f32,
  minGradient: f32,
  minMoment: f32,
): void {
  const s = f32x4.splat(stepSize);
  const e = f32x4.splat(epsilon);
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const lowG = f32x4.splat(minGradient);
  const lowM = f32x4.splat(minMoment);
  const end = g + (<usize> octets << 5);
  for (; g < end; g += 32) {
    const g0 = flush(v128.load(g), lowG);
    const g1 = flush(v128.load(g, 16), lowG);
    const m0 = flush(f32x4.add(f32x4.mul(b1, v128.load(m)), g0), lowM);
    const m1 = flush(f32x4.add(f32x4.mul(b1, v128.load(m, 16)), g1), lowM);
    v128.store(m, m0);
    v128.store(m, m1, 16);
    const v0 = flush(f32x4.add(f32x4.mul(b2, v128.load(v)), f32x4.mul(g0, g0)), lowM);
    const v1 = flush(f32x4.add(f32x4.mul(b2, v128.load(v, 16)), f32x4.mul(g1, g1)), lowM);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    const d0 = f32x4.div(f32x4.mul(m0, s), f32x4.add(f32x4.sqrt(v0), e));
    const d1 = f32x4.div(f32x4.mul(m1, s), f32x4.add(f32x4.sqrt(v1), e));
    v128.store(w, f32x4.sub(v128.load(w), d0));
    v128.store(w, f32x4.sub(v128.load(w, 16), d1), 16);
    w += 32;
    m += 32;
    v += 32;
  }
}
