/** The generator's result, for people. */
import type { LoadReport } from './load.ts'
import type { LoadOptions } from './options.ts'

/** One line while it runs. */
export function progressLine({ seconds, items, acceptedPerSecond, latencyMs }: LoadReport): string {
  return [
    `${seconds.toFixed(0)}s`,
    `accepted ${count(items.accepted)} (${count(acceptedPerSecond)}/s)`,
    `refused ${count(items.refused + items.rejected)}`,
    `failed ${count(items.failed)}`,
    `p99 ${latencyMs.p99.toFixed(1)} ms  `,
  ].join('  ')
}

export function reportText(report: LoadReport, options: LoadOptions): string {
  const { items, latencyMs, refusedByCode, requests, seconds } = report
  const { protocol, target, compression, signals } = options
  const lines: [string, string][] = [
    ['target', `${protocol} ${target}, compression ${compression}`],
    ['sent', `${count(items.sent)} items in ${count(requests)} requests, ${seconds.toFixed(1)} s`],
    ['accepted', `${count(items.accepted)}  (${count(report.acceptedPerSecond)}/s)`],
  ]
  if (signals.length > 1) {
    for (const [signal, counts] of Object.entries(report.bySignal)) {
      lines.push([`  ${signal}`, count(counts.accepted)])
    }
  }
  if (items.rejected > 0) lines.push(['rejected', `${count(items.rejected)}  (partial success)`])
  lines.push(['refused', count(items.refused)])
  for (const [code, refused] of Object.entries(refusedByCode)) {
    lines.push([`  ${code}`, count(refused)])
  }
  const cause = items.failed > 0 ? `  (${report.lastFailure})` : ''
  lines.push(['failed', `${count(items.failed)}${cause}`])
  const { p50, p90, p99, max } = latencyMs
  const latencies = [`p50 ${ms(p50)}`, `p90 ${ms(p90)}`, `p99 ${ms(p99)}`, `max ${ms(max)}`]
  lines.push(['latency', latencies.join('  ')])
  lines.push(['bytes', `${(report.bytes / 1e6 / seconds).toFixed(1)} MB/s before compression`])
  return lines.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join('')
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`
}
