/**
 * Arithmetic on actions as NumPy does it: in float32 for a float32 array, in float64 otherwise.
 *
 * Gymnasium's action spaces are float32, and NumPy 2 keeps a float32 array times a Python number in
 * float32. So the costs and forces computed from an action depend, in the eighth digit, on the
 * array's type. Here the type is the array's too: a Float32Array is computed as NumPy would compute
 * float32, anything else as float64.
 */

/** Says whether arithmetic on the action rounds to float32. */
export function isFloat32(action: ArrayLike<number>): boolean {
  return action instanceof Float32Array;
}

/** NumPy adds in blocks of this many numbers. */
const BLOCK = 8;

/** Returns weight * sum of a_i^2 over the action: `weight * np.sum(np.square(action))`. */
export function weightedSquares(weight: number, action: ArrayLike<number>): number {
  let sum = 0;
  if (!isFloat32(action)) {
    for (let i = 0; i < action.length; i++) sum += action[i] * action[i];
    return weight * sum;
  }
  const round = Math.fround;
  if (action.length === BLOCK) { // NumPy's pairwise sum of one whole block
    const pair = (i: number) =>
      round(round(action[i] * action[i]) + round(action[i + 1] * action[i + 1]));
    sum = round(round(pair(0) + pair(2)) + round(pair(4) + pair(6)));
  } else {
    for (let i = 0; i < action.length; i++) sum = round(sum + round(action[i] * action[i]));
  }
  return round(round(weight) * sum);
}
