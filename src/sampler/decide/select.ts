/** Picking by rank and scaling to fit, over parts of typed arrays and in place. */

const HALVINGS = 48
/** The least weight that matters. */
const TINY = 1e-9

/** The value that exactly `rank` of the first `count` are greater than, if no two are equal. Reorders them. */
export function greatest(values: Float64Array, count: number, rank: number): number {
  let left = 0
  let right = count - 1
  while (left < right) {
    const pivot = values[(left + right) >>> 1]
    let low = left
    let high = right
    while (low <= high) {
      while (values[low] > pivot) low++
      while (values[high] < pivot) high--
      if (low > high) break
      const swapped = values[low]
      values[low++] = values[high]
      values[high--] = swapped
    }
    if (rank <= high) right = high
    else if (rank >= low) left = low
    else return values[rank]
  }
  return values[rank]
}

/**
 * By what to divide the weights, at least 1, for the expected cost of the rows to be `room`, when no probability falls below its
 * `least`. Where these alone cost more than `room`, a divisor that leaves little else.
 */
export function scaleToFit(
  weight: Float64Array,
  least: Float64Array,
  cost: Float64Array,
  rows: Int32Array,
  count: number,
  room: number,
): number {
  let low = 0
  let high = 1
  // In logarithms, as weights span many decades.
  for (let at = 0; at < count; at++) high = Math.max(high, weight[rows[at]])
  high = Math.log(high) - Math.log(TINY)
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2
    if (expectedCost(weight, least, cost, rows, count, Math.exp(middle)) > room) low = middle
    else high = middle
  }
  return Math.exp(high)
}

function expectedCost(
  weight: Float64Array,
  least: Float64Array,
  cost: Float64Array,
  rows: Int32Array,
  count: number,
  tau: number,
): number {
  let sum = 0
  for (let at = 0; at < count; at++) {
    const row = rows[at]
    const share = Math.max(least[row], weight[row] / tau)
    sum += (share < 1 ? share : 1) * cost[row]
  }
  return sum
}
