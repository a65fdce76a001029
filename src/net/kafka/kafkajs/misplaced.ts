/**
 * Batches that say of themselves that they begin where they cannot: the checksum does not cover that number, and a broker
 * with a damaged file hands them out as they are. The neighbours and the end of the partition show which one is wrong.
 *
 * ```
 * 0-9  1010-1019  20-29    end of the partition 40: the second one is 10-19, and cannot be believed
 * 0-9  2-11       20-29    likewise
 * ```
 */
import type * as Kafkajs from 'kafkajs'
import { type BatchContext, damageMessage } from './fetched-batch.ts'

/** What of kafkajs' batch its types do not tell. */
export type FetchedPart = Kafkajs.Batch & { readonly fetchedOffset?: string }

type Message = Kafkajs.KafkaMessage

/** The messages of one batch among those that were fetched: from `start` to before `end`. */
interface Run {
  readonly context: BatchContext | undefined
  readonly start: number
  readonly first: number
  end: number
}

/** The messages as they are, but each misplaced batch one damage; what is known to have been passed is left out. */
export function putInPlace({ messages, fetchedOffset, highWatermark }: FetchedPart) {
  const runs = runsOf(messages)
  const lowest = lowestBehind(runs)
  const end = Number(highWatermark)
  const kept: Message[] = []
  /** Nothing may begin before it any more. */
  let expected = Number(fetchedOffset ?? 0)
  /** First run behind that may be in its place; it only ever moves on, so that many runs are not looked at for each. */
  let next = 0
  let isWell = true
  for (const [i, run] of runs.entries()) {
    const isTooHigh = run.first >= end && lowest[i] < run.first
    if (run.first >= expected && !isTooHigh) {
      for (let at = run.start; at < run.end; at++) kept.push(messages[at])
      expected = Number(messages[run.end - 1].offset) + 1
      continue
    }
    isWell = false
    next = Math.max(next, i + 1)
    while (next < runs.length && !(runs[next].first >= expected && runs[next].first < end)) next++
    const nextOffset = next < runs.length ? runs[next].first : expected + run.end - run.start
    if (nextOffset > expected) kept.push(misplaced(run, expected, nextOffset))
    expected = nextOffset
  }
  return isWell ? messages : kept
}

function misplaced({ context, first }: Run, from: number, nextOffset: number): Message {
  const message = `it says of itself that it begins at ${first}, which is not its place`
  const bytes = context?.bytes ?? Buffer.alloc(0)
  return damageMessage({ from, nextOffset, message, bytes }) as unknown as Message
}

/** By run, the least offset at which one behind it begins. */
function lowestBehind(runs: readonly Run[]): Float64Array {
  const lowest = new Float64Array(runs.length)
  let least = Number.POSITIVE_INFINITY
  for (let i = runs.length - 1; i >= 0; i--) {
    lowest[i] = least
    least = Math.min(least, runs[i].first)
  }
  return lowest
}

function runsOf(messages: readonly Message[]): Run[] {
  const runs: Run[] = []
  let last: Run | null = null
  for (let at = 0; at < messages.length; at++) {
    const context = (messages[at] as { readonly batchContext?: BatchContext }).batchContext
    if (last !== null && last.context === context) last.end = at + 1
    else {
      last = { context, start: at, end: at + 1, first: Number(messages[at].offset) }
      runs.push(last)
    }
  }
  return runs
}
