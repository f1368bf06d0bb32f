/**
 * Summaries of returns: means with confidence intervals, rank correlation.
 *
 * Squares are taken in units of a power of two near the largest number: no return is too large or too
 * small for its square, and the units change no digit.
 */

/** Mean, sample deviation and number of values. */
export interface Summary {
  /** Arithmetic mean. */
  readonly mean: number;
  /** Sample standard deviation (n - 1), 0 for one value. */
  readonly std: number;
  /** Number of values. */
  readonly n: number;
}

/**
 * Summarises values.
 * @throws {RangeError} when there are none.
 */
export function summarise(values: ArrayLike<number>): Summary {
  const n = values.length;
  if (n === 0) throw new RangeError("Cannot summarise values: there must be at least 1, got 0");
  let mean = 0;
  let [least, most] = [values[0], values[0]];
  for (let i = 0; i < n; i++) {
    mean += values[i] / n;
    least = Math.min(least, values[i]);
    most = Math.max(most, values[i]);
  }
  // Rounding may lead out of the values: six times 500 would be 499.99999999999994.
  mean = Math.min(most, Math.max(least, mean));
  const unit = powerOfTwoNear(Array.from(values, (value) => value - mean));
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((values[i] - mean) / unit) ** 2;
  return { mean, std: n > 1 ? unit * Math.sqrt(squares / (n - 1)) : 0, n };
}

/** Gives the largest power of two that is no larger than the largest magnitude; 1 when all are 0. */
export function powerOfTwoNear(values: readonly number[]): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest > 0 && largest < Infinity ? 2 ** Math.floor(Math.log2(largest)) : 1;
}

/** Joins the summaries of two sets of values to that of both (Chan, Golub, LeVeque 1979). */
export function joinSummaries(a: Summary, b: Summary): Summary {
  const n = a.n + b.n;
  const gap = b.mean - a.mean;
  const unit = powerOfTwoNear([a.std, b.std, gap]);
  const squares = (a.n - 1) * (a.std / unit) ** 2 + (b.n - 1) * (b.std / unit) ** 2 +
    (gap / unit) ** 2 * a.n * b.n / n;
  return { mean: a.mean + gap * b.n / n, std: n > 1 ? unit * Math.sqrt(squares / (n - 1)) : 0, n };
}

/**
 * Gives the 95 % confidence interval of a mean by Student's t. One value has no deviation and so an
 * interval without end: it is returned as [-Infinity, Infinity].
 */
export function confidence95({ mean, std, n }: Summary): [low: number, high: number] {
  if (n < 2) return [-Infinity, Infinity];
  const half = studentQuantile975(n - 1) * std / Math.sqrt(n);
  return [mean - half, mean + half];
}

/**
 * Fewest values whose interval may stay within what was seen: the mean of a symmetric distribution lies
 * below or above all of n values with a probability of 2^(1 - n), which is 6 % for five.
 */
const FEWEST_WITHIN = 5;

/**
 * Gives the 95 % confidence interval of a mean by Student's t, cut to the range of the values: returns
 * are bounded, and few of them say nothing of what lies beyond. Undefined for fewer than five values.
 */
export function intervalWithin(values: readonly number[]): [low: number, high: number] | undefined {
  if (values.length < FEWEST_WITHIN) return undefined;
  const [low, high] = confidence95(summarise(values));
  return [Math.max(low, Math.min(...values)), Math.min(high, Math.max(...values))];
}

/** Exact 97.5 % quantiles of Student's t for few degrees of freedom (any statistics table). */
const STUDENT_975 = [
  12.7062,
  4.30265,
  3.18245,
  2.77645,
  2.57058,
  2.44691,
  2.36462,
  2.306,
  2.26216,
  2.22814,
];

/**
 * The 97.5 % quantile of Student's t: the table, then Cornish and Fisher's expansion up to the fourth
 * power of 1 / freedom (less than 5e-5 off).
 */
export function studentQuantile975(freedom: number): number {
  if (freedom <= STUDENT_975.length) return STUDENT_975[freedom - 1];
  const z = 1.959963985;
  const [z3, z5, z7, z9] = [z ** 3, z ** 5, z ** 7, z ** 9];
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom ** 3) +
    (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92_160 * freedom ** 4);
}

/** Spearman's rank correlation: Pearson's over ranks, ties sharing their mean rank; NaN if constant. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  // Rounding would make a correlation of what does not vary.
  if (isConstant(x) || isConstant(y)) return NaN;
  return Math.min(1, Math.max(-1, pearson(ranks(x), ranks(y))));
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

function pearson(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [summarise(x).mean, summarise(y).mean];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) ** 2;
    yy += (y[i] - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) result[order[i]] = (start + end - 1) / 2 + 1;
    start = end;
  }
  return result;
}

/**
 * Gives the interquartile mean: the mean without the lowest and the highest quarter of the values, each
 * rounded down, as in rliable (Agarwal et al. 2021) and scipy's trim_mean. Up to 3 values all count.
 * @throws {RangeError} when there are none.
 */
export function interquartileMean(values: readonly number[]): number {
  const cut = Math.floor(values.length / 4);
  const sorted = values.toSorted((a, b) => a - b);
  return summarise(sorted.slice(cut, sorted.length - cut)).mean;
}

/**
 * Tells whether the mean of some values is above that of others by more than so many standard errors of the difference
 * (Welch's); a single value tells nothing.
 */
export function leads(
  values: readonly number[],
  others: readonly number[],
  errors: number,
): boolean {
  if (values.length < 2 || others.length < 2) return false;
  const [own, other] = [summarise(values), summarise(others)];
  const error = Math.hypot(own.std / Math.sqrt(own.n), other.std / Math.sqrt(other.n));
  return own.mean - other.mean > errors * error;
}
