/** One tenant's history as a line: growths of all its counters, put together by minute. */
import type { UsageMinute } from '../../core/tenant-control.ts'
import type { SeriesKey, Visit } from './history.ts'

type Draft = { -readonly [K in keyof UsageMinute]: UsageMinute[K] }

export function countMinutes(tenant: string, visitAll: (each: Visit) => void): UsageMinute[] {
  const minutes = new Map<number, Draft>()
  visitAll((series, growth, atMs) => {
    if (series.tenant !== tenant) return
    const field = fieldOf(series)
    if (field === null) return
    let minute = minutes.get(atMs)
    if (minute === undefined) minutes.set(atMs, (minute = emptyMinute(atMs)))
    minute[field] += growth
  })
  return [...minutes.values()]
}

function fieldOf({ kind, intentional }: SeriesKey): Exclude<keyof UsageMinute, 'atMs'> | null {
  switch (kind) {
    case 'accepted':
    case 'refused':
    case 'sent':
      return kind
    case 'dropped':
      return intentional ? 'filtered' : 'lost'
    case 'bytes_in':
      return 'bytesIn'
    case 'bytes_out':
      return 'bytesOut'
    case 'turned_away':
      return 'turnedAway'
    default:
      return null
  }
}

function emptyMinute(atMs: number): Draft {
  return {
    atMs,
    ...{ accepted: 0, refused: 0, sent: 0, filtered: 0, lost: 0 },
    ...{ bytesIn: 0, bytesOut: 0, turnedAway: 0 },
  }
}
