/** Times and durations as Go prints them: time.Time.String and time.Duration.String. */
import { formatTime } from '../time/format.ts'
import { parseLayout } from '../time/layout.ts'
import type { Duration, Time } from '../value.ts'

const NANOS = 1_000_000_000n

/** 1h2m3.5s; below a second in ms, µs or ns. */
export function goDurationText({ nanos }: Duration): string {
  if (nanos === 0n) return '0s'
  const sign = nanos < 0n ? '-' : ''
  const size = nanos < 0n ? -nanos : nanos
  if (size < NANOS) {
    if (size < 1_000n) return `${sign}${size}ns`
    if (size < 1_000_000n) return `${sign}${decimal(size, 1_000n)}µs`
    return `${sign}${decimal(size, 1_000_000n)}ms`
  }
  const minutes = size / NANOS / 60n
  const seconds = `${decimal(size - minutes * 60n * NANOS, NANOS)}s`
  if (minutes === 0n) return sign + seconds
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`
}

/** A quotient with as many decimal places as it has; `unit` is a power of ten. */
function decimal(value: bigint, unit: bigint): string {
  const places = unit.toString().length - 1
  const fraction = (value % unit).toString().padStart(places, '0').replace(/0+$/, '')
  return `${value / unit}${fraction === '' ? '' : `.${fraction}`}`
}

const TIME_LAYOUT = parseLayout('2006-01-02 15:04:05.999999999 -0700 MST')

export function goTimeText(time: Time): string {
  return formatTime(TIME_LAYOUT, time)
}
