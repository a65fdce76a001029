/**
 * Answers: does memory grow under steady load, and is the ledger exact afterwards?
 *
 *   npm run bench:soak -- [--seconds 60]
 *
 * A generator drives a collector over gRPC into a sink. Resident memory is sampled each second; the second half of the
 * run must not be more than a tenth above the first half after warm-up. Exits 1 otherwise, or if anything got lost.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { freePorts } from '../../test/harness/ports.ts'
import { MAIN, ROOT, startMillrace, startProcess } from '../../test/harness/process.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const seconds = Number(values.seconds)
const MOST_GROWTH = 1.1

const [receive, sinkPort] = await freePorts(2)
const sink = await startProcess(
  process.execPath,
  ['--import', 'tsx', join(ROOT, 'bench/flow/sink.ts'), String(sinkPort), 'grpc'],
  sinkPort,
)
const collector = await startMillrace(
  JSON.stringify({
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${receive}` } } } },
    processors: { batch: {} },
    exporters: { otlp_grpc: { endpoint: `127.0.0.1:${sinkPort}`, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp_grpc'] },
      },
    },
  }),
  receive,
)

const samples: number[] = []
const timer = setInterval(() => samples.push(rssMiB(collector.child.pid!)), 1000)
const { stdout } = await promisify(execFile)(process.execPath, [
  ...[MAIN, 'generate', '--json', '--insecure', '--endpoint', `127.0.0.1:${receive}`],
  ...['--signal', 'traces', '--items', '200', '--duration', `${seconds}s`],
])
clearInterval(timer)
const code = await collector.stop(20_000)
await sink.stop()

const { items } = JSON.parse(stdout) as { items: { accepted: number } }
const ledger = collector
  .output()
  .split('\n')
  .filter(line => line.includes('"event":"ledger"'))
const sent = ledger.reduce((sum, line) => sum + (JSON.parse(line) as { sent: number }).sent, 0)
const steady = samples.slice(Math.floor(samples.length / 6))
const half = Math.floor(steady.length / 2)
const growth = mean(steady.slice(half)) / mean(steady.slice(0, half))

console.log(`accepted ${items.accepted}, sent ${sent}, exit ${code}`)
console.log(
  `resident MiB: first half ${mean(steady.slice(0, half)).toFixed(0)}, second half ${mean(steady.slice(half)).toFixed(0)}, most ${Math.max(...samples).toFixed(0)}`,
)
console.log(`growth ${growth.toFixed(3)} (at most ${MOST_GROWTH})`)
if (code !== 0 || sent !== items.accepted || growth > MOST_GROWTH) process.exitCode = 1

function rssMiB(pid: number): number {
  return (
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024
  )
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0) / numbers.length
}
