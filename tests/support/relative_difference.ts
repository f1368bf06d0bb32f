/** Gives the largest difference of two vectors of equal length, relative to the largest number of `b`. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  let [difference, scale] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i])); // NaN stays
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return difference / scale;
}
