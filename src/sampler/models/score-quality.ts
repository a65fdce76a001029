/** How well scores tell labelled rows apart: what training is accepted by. */

/** Chance that a row with label 1 scores above one with label 0; ties count half. 0.5 where one kind is missing. */
export function areaUnderCurve(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  count: number,
): number {
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => scores[a] - scores[b])
  let positives = 0
  let ranks = 0
  for (let from = 0; from < count; ) {
    let to = from
    let tied = 0
    while (to < count && scores[order[to]] === scores[order[from]]) {
      if (labels[order[to]] >= 0.5) tied++
      to++
    }
    positives += tied
    ranks += tied * ((from + 1 + to) / 2)
    from = to
  }
  const negatives = count - positives
  if (positives === 0 || negatives === 0) return 0.5
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** The `share` quantile (0 to 1) of `count` numbers. */
export function quantile(values: ArrayLike<number>, count: number, share: number): number {
  if (count === 0) return 0
  const sorted = Float64Array.from({ length: count }, (_, i) => values[i]).sort()
  return sorted[Math.min(count - 1, Math.max(0, Math.ceil(share * count) - 1))]
}
