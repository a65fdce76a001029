/** Times as Go writes them by default (time.RFC3339Nano): JSON and texts of times use it. */
import { formatTime } from './time/format.ts'
import { parseLayout } from './time/layout.ts'
import type { Time } from './value.ts'

const RFC3339_NANO = parseLayout('2006-01-02T15:04:05.999999999Z07:00')

/** Without trailing zeros of the fraction. */
export function formatRfc3339Nano(time: Time): string {
  return formatTime(RFC3339_NANO, time)
}
