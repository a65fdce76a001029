/** One thing that explains where items are, and the words that all sentences share. */
import type { Signal } from '../../core/signal.ts'
import { plain, showAge } from '../queue/table.ts'

/** Counters are looked at once a minute. */
const MINUTE_MS = 60_000

export interface Finding {
  readonly kind:
    | 'summary'
    | 'nothing'
    | 'turned_away'
    | 'refused'
    | 'filtered'
    | 'lost'
    | 'held'
    | 'letters'
    | 'fault'
    | 'missing'
    | 'trace'
    | 'unknown'
  /** 0 where it is not about a number of items. */
  readonly items: number
  /** One sentence or more; what others sent is made harmless. */
  readonly text: string
}

const NOUNS: Readonly<Record<Signal, readonly [one: string, many: string]>> = {
  traces: ['span', 'spans'],
  metrics: ['data point', 'data points'],
  logs: ['log record', 'log records'],
}

export function showItems(items: number, signal: Signal): string {
  return `${showCount(items)} ${NOUNS[signal][items === 1 ? 0 : 1]}`
}

export function showCount(count: number): string {
  return count.toLocaleString('en-US')
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${showCount(count)} ${count === 1 ? one : many}`
}

/** ` (last 3m ago)`, or nothing where it is not known. */
export function showLast(lastMs: number, nowMs: number): string {
  if (lastMs === 0) return ''
  const agoMs = nowMs - lastMs
  return agoMs < MINUTE_MS ? ' (within the last minute)' : ` (last ${showAge(agoMs)} ago)`
}

/** Words of a destination as the end of a sentence. */
export function showWords(message: string): string {
  const words = plain(message).trim().replace(/\.$/, '')
  return words === '' ? '' : `: ${words}`
}
