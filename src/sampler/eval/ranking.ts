/** How well scores alone tell symptomatic from clean traces, whatever budget follows. Ambiguous traces are left out. */
import { LABEL_AMBIGUOUS, LABEL_SYMPTOMATIC } from './recording.ts'

export interface Ranking {
  /** Chance that a symptomatic trace scores above a clean one. */
  readonly auc: number
  /** Coverage where the scores of 5 % and 1 % of clean traces lie higher. */
  readonly coverageAtFlagged5: number
  readonly coverageAtFlagged1: number
  /** Coverage if the greatest scores of all, ambiguous ones too, were kept without more ado: as many as the budget has. */
  readonly coverageAsRanking: number
}

/** `label` by the same order as `scores`. */
export function rank(scores: Float32Array, label: Uint8Array, budget: number): Ranking {
  const rows = Int32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a])
  let positives = 0
  let negatives = 0
  for (const value of label) {
    if (value === LABEL_SYMPTOMATIC) positives++
    else if (value !== LABEL_AMBIGUOUS) negatives++
  }
  const room = budget * scores.length
  let hits = 0
  let misses = 0
  let area = 0
  let at5 = 0
  let at1 = 0
  let asRanking = 0
  for (let from = 0; from < rows.length; ) {
    let to = from
    let tiedHits = 0
    let tiedMisses = 0
    for (; to < rows.length && scores[rows[to]] === scores[rows[from]]; to++) {
      if (label[rows[to]] === LABEL_SYMPTOMATIC) tiedHits++
      else if (label[rows[to]] !== LABEL_AMBIGUOUS) tiedMisses++
    }
    area += tiedHits * (negatives - misses - tiedMisses / 2)
    if (from < room) asRanking += tiedHits * Math.min(1, (room - from) / (to - from))
    hits += tiedHits
    misses += tiedMisses
    if (misses <= 0.05 * negatives) at5 = hits
    if (misses <= 0.01 * negatives) at1 = hits
    from = to
  }
  return {
    auc: area / (positives * negatives),
    coverageAtFlagged5: at5 / positives,
    coverageAtFlagged1: at1 / positives,
    coverageAsRanking: asRanking / positives,
  }
}
