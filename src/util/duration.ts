/** Durations as Go writes them ("1m30s", "200ms"), which is how collector configurations do. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds, or undefined if the text is not a Go duration. "0" needs no unit; every other number does. */
export function parseDuration(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const body = /^[-+]/.test(text) ? text.slice(1) : text
  if (body === '0') return 0
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined
  let ms = 0
  for (const [, number, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    ms += Number(number) * UNIT_MS[unit]
  }
  return Number.isFinite(ms) ? sign * roundToNanoseconds(ms) : undefined
}

/** The shortest usual writing: 90000 is "1m30s", 200 is "200ms". */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 1) return `${roundToNanoseconds(ms) * 1000}us`
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = roundToNanoseconds((ms % 60_000) / 1000)
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 ? `${seconds}s` : ''}`
}

/** Sums of decimal fractions keep no dust below a nanosecond. */
function roundToNanoseconds(ms: number): number {
  return Number.isInteger(ms) ? ms : Math.round(ms * 1e6) / 1e6
}
