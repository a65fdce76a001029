/**
 * Answers: how much CPU does a collector need per span to send OTLP to Kafka, and how does that compare with the Go
 * collector at the same broker in the same run?
 *
 *   npm run bench:kafka -- [--seconds 5] [--rounds 2] [--rate 40000] [WORK...]
 *
 * Both collectors read the same configuration. CPU is that of the collector alone. Exits 1 when the bar is missed.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs, promisify } from 'node:util'
import { freePorts } from '../../test/harness/ports.ts'
import { eventually, MAIN, type Running, startProcess } from '../../test/harness/process.ts'
import { type KafkaPeer, startKafka } from '../../test/integration/kafka-peer.ts'
import { goCollector } from '../../test/integration/peers.ts'
import { printRow, runBench } from './bench-kit.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '2' },
    rate: { type: 'string', default: '40000' },
  },
})

interface Work {
  readonly items: number
  readonly compression: string
  /** More of the exporter's section. */
  readonly section?: object
  /** Most of what the Go collector needs. */
  readonly bar?: number
}

const WORKS: Readonly<Record<string, Work>> = {
  'zstd-512': { items: 512, compression: 'zstd', bar: 0.5 },
  'none-512': { items: 512, compression: 'none' },
  'lz4-512': { items: 512, compression: 'lz4' },
  'zstd-10': { items: 10, compression: 'zstd' },
  'by-trace-512': {
    items: 512,
    compression: 'zstd',
    section: { partition_traces_by_id: true },
  },
  'json-512': { items: 512, compression: 'zstd', section: { traces: { encoding: 'otlp_json' } } },
}

const PARTITIONS = 3
const WARM_SECONDS = 2
const DRAIN_MS = 30_000
/** Clock ticks a second in /proc/PID/stat; 100 on every Linux that Node supports. */
const TICKS = 100

await runBench(async scope => {
  const kafka = await startKafka(scope)
  const products = ['millrace', ...(hasGo() ? ['otelcol'] : [])]
  printRow('work', ['product', 'us/span', 'of Go', 'spans/s', 'RSS MiB'])
  let isFine = true
  for (const name of positionals.length > 0 ? positionals : Object.keys(WORKS)) {
    const work = WORKS[name]
    if (work === undefined) {
      throw new Error(`no work "${name}"; there are ${Object.keys(WORKS).join(', ')}`)
    }
    const best = new Map<string, Measured>()
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const product of products) {
        const topic = `${name}-${product}-${round}`
        await kafka.createTopic(topic, PARTITIONS)
        const measured = await measure(product, work, kafka, topic)
        const before = best.get(product)
        if (before === undefined || measured.usPerSpan < before.usPerSpan) {
          best.set(product, measured)
        }
      }
    }
    isFine = report(name, work, best) && isFine
  }
  return isFine
})

interface Measured {
  readonly usPerSpan: number
  readonly spansPerSecond: number
  readonly rssMiB: number
}

function hasGo(): boolean {
  try {
    return existsSync(goCollector())
  } catch {
    return false
  }
}

function report(name: string, { bar }: Work, best: ReadonlyMap<string, Measured>): boolean {
  const go = best.get('otelcol')?.usPerSpan
  for (const [product, { usPerSpan, spansPerSecond, rssMiB }] of best) {
    const ratio = go === undefined ? '?' : (usPerSpan / go).toFixed(2)
    printRow(name, [
      product,
      usPerSpan.toFixed(3),
      ratio,
      spansPerSecond.toFixed(0),
      rssMiB.toFixed(0),
    ])
  }
  if (bar === undefined || go === undefined) return true
  return best.get('millrace')!.usPerSpan <= bar * go
}

async function measure(
  product: string,
  work: Work,
  kafka: KafkaPeer,
  topic: string,
): Promise<Measured> {
  const [port] = await freePorts(1)
  const config = `yaml:${configuration(work, kafka.brokers, topic, port)}`
  const [command, ...args] = product === 'otelcol' ? [goCollector()] : [process.execPath, MAIN]
  const collector = await startProcess(command, [...args, '--config', config], port)
  try {
    const warm = await generate(work, port, WARM_SECONDS)
    const before = cpuSeconds(collector)
    const { accepted, seconds } = await generate(work, port, Number(values.seconds))
    const least = work.section === undefined ? (warm.accepted + accepted) / work.items : 1
    // What waits belongs to the work.
    await eventually(async () => (await kafka.records(topic)) >= least, DRAIN_MS, topic)
    const usPerSpan = ((cpuSeconds(collector) - before) / accepted) * 1e6
    return { usPerSpan, spansPerSecond: accepted / seconds, rssMiB: rssMiB(collector) }
  } finally {
    await collector.stop()
  }
}

function configuration(
  { compression, section = {} }: Work,
  brokers: readonly string[],
  topic: string,
  port: number,
): string {
  const { traces = {} } = section as { traces?: object }
  const kafka = { brokers, ...section, traces: { topic, ...traces }, producer: { compression } }
  return JSON.stringify({
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { kafka },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['kafka'] } },
    },
  })
}

async function generate(
  { items }: Work,
  port: number,
  seconds: number,
): Promise<{ accepted: number; seconds: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[MAIN, 'generate', '--json', '--signal', 'traces', '--insecure'],
    ...['--protocol', 'grpc', '--compression', 'none', '--items', String(items)],
    ...['--endpoint', `127.0.0.1:${port}`, '--connections', '2', '--in-flight', '8'],
    ...['--duration', `${seconds}s`, '--rate', values.rate],
  ])
  const report = JSON.parse(stdout) as { seconds: number; items: { accepted: number } }
  return { accepted: report.items.accepted, seconds: report.seconds }
}

function cpuSeconds({ child }: Running): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

function rssMiB({ child }: Running): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
