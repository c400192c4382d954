/** The value that a share `q` of all values is not above: 0.5 is the median. In milliseconds or what they are, to the third digit behind the point. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  const value = sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
  return Math.round(value * 1_000) / 1_000;
}
