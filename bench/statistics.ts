/** The few statistics that benchmarks need. */

/** The middle value, or the mean of the middle two. Throws where there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('there is no median of nothing');
  return (lower + upper) / 2;
}

/** The value that a share of all values do not exceed; 0 of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/**
 * How a cost grows with the work: the exponent k of cost = c · work^k, fitted to the points' logarithms. 1 is linear.
 * Null where the points do not tell: fewer than two amounts of work, or a cost of 0.
 */
export function growthExponent(
  points: readonly { readonly work: number; readonly cost: number }[],
): number | null {
  const usable = points.filter(({ cost, work }) => cost > 0 && work > 0);
  if (usable.length < points.length) return null;
  const logs = usable.map(({ cost, work }) => ({ x: Math.log(work), y: Math.log(cost) }));
  const mean = (pick: (point: { x: number; y: number }) => number): number =>
    logs.reduce((sum, point) => sum + pick(point), 0) / logs.length;
  const meanX = mean(({ x }) => x);
  const meanY = mean(({ y }) => y);
  const spread = logs.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (logs.length < 2 || spread === 0) return null;
  return logs.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
}
