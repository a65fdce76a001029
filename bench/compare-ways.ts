/** Times several ways of doing one thing by turns, so that a noisy neighbour hits all of them alike. */

const ROUNDS = 40
/** One round of one way takes about this long. */
const ROUND_NANOS = 3e6

export type Way = readonly [title: string, run: () => unknown]

/** Prints the best round of each way, in nanoseconds for one of `items`. */
export function compareWays(items: number, ways: readonly Way[]): void {
  const best = timeByTurns(ways)
  for (let w = 0; w < ways.length; w++) {
    const nanos = (best[w] / items).toPrecision(3)
    console.log(`  ${ways[w][0].padEnd(32)}${nanos.padStart(10)}`)
  }
}

/** Nanoseconds per call in the best round of each way. */
export function timeByTurns(ways: readonly Way[]): number[] {
  const calls = ways.map(([, run]) => estimateCalls(run))
  const best = ways.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round++) {
    for (let w = 0; w < ways.length; w++) best[w] = Math.min(best[w], time(ways[w][1], calls[w]))
  }
  return best
}

/** Warms the way up and says how many calls make a round. */
function estimateCalls(run: () => unknown): number {
  for (let i = 0; i < 3; i++) time(run, 1)
  return Math.max(1, Math.ceil(ROUND_NANOS / time(run, 5)))
}

/** Nanoseconds per call. */
function time(run: () => unknown, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) run()
  return Number(process.hrtime.bigint() - start) / calls
}
