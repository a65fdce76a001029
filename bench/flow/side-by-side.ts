/**
 * Answers: how much CPU does a collector need per span, and how does that compare with the Go collector in the same run?
 *
 *   npm run bench:flow -- [--seconds 5] [--rounds 1] [WORK...]
 *
 * The generator, the collector and the sink are processes of their own on loopback. CPU is that of the collector alone
 * (user + system, from /proc), so it hardly depends on how much of the machine the others take. The Go collector runs
 * when its binary is in the peers' cache (`npm run test:integration` puts it there); ratios within one run count.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { freePorts } from '../../test/harness/ports.ts'
import { MAIN, ROOT, type Running, startProcess } from '../../test/harness/process.ts'

interface Work {
  readonly protocol: 'grpc' | 'http'
  readonly compression: 'none' | 'gzip'
  readonly items: number
  readonly inFlight: number
  /** Run before `batch`. */
  readonly processors?: Processors
  /** What the Go collector runs instead. */
  readonly peerProcessors?: Processors
  /** Spans a second; absent = as many as are taken. */
  readonly rate?: number
  /** Before the measurement; what waits must be in balance by then. */
  readonly warmSeconds?: number
  /** Measured so long at least: with a rate there are fewer spans for what happens once. */
  readonly leastSeconds?: number
}

type Processors = Readonly<Record<string, object>>

const PLAIN: Work = { protocol: 'grpc', compression: 'none', items: 512, inFlight: 8 }

const FILTER = {
  error_mode: 'ignore',
  trace_conditions: [
    'span.attributes["url.path"] == "/healthz"',
    'span.name == "SELECT inventory" and span.status.code != STATUS_CODE_ERROR',
    'resource.attributes["k8s.namespace.name"] == "kube-system"',
    'IsMatch(span.attributes["user_agent.original"], "^kube-probe")',
    'span.kind == SPAN_KIND_INTERNAL and span.attributes["http.response.status_code"] < 400',
  ],
}

const TRANSFORM = {
  error_mode: 'ignore',
  trace_statements: [
    'set(span.attributes["tenant"], "shop")',
    'replace_pattern(span.attributes["url.path"], "^/(\\\\w+)/.*", "/$$1/*")',
    'delete_key(span.attributes, "user_agent.original") where span.kind == SPAN_KIND_SERVER',
  ],
}

const TAIL = {
  tail_sampling: {
    decision_wait: '5s',
    num_traces: 1_000_000,
    policies: [
      { name: 'err', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
      { name: 'slow', type: 'latency', latency: { threshold_ms: 500 } },
      { name: 'rest', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } },
    ],
  },
}

const ADAPTIVE = {
  adaptive_sampler: { decision_wait: '5s', max_wait: '5s', budget: { ratio: 0.1 } },
}

/** Holding traces costs by time, so the load is the same for both. */
const SAMPLED: Work = { ...PLAIN, rate: 60_000, warmSeconds: 8, leastSeconds: 15 }

const WORKS: Readonly<Record<string, Work>> = {
  'plain-512': PLAIN,
  'http-512': { protocol: 'http', compression: 'none', items: 512, inFlight: 8 },
  'plain-10': { ...PLAIN, items: 10, inFlight: 16 },
  'plain-1': { ...PLAIN, items: 1, inFlight: 16 },
  'gzip-512': { ...PLAIN, compression: 'gzip' },
  'filter-512': { ...PLAIN, processors: { filter: FILTER } },
  'edit-512': { ...PLAIN, processors: { transform: TRANSFORM } },
  'tail-60k': { ...SAMPLED, processors: TAIL },
  'adaptive-60k': { ...SAMPLED, processors: ADAPTIVE, peerProcessors: TAIL },
}

const PEERS = process.env.MILLRACE_PEERS ?? join(homedir(), '.cache', 'millrace-peers')
const GO_COLLECTOR = join(PEERS, 'bin', 'otelcol')
/** Clock ticks a second in /proc/PID/stat; 100 on every Linux that Node supports. */
const TICKS = 100
const WARM_SECONDS = 2

interface Measured {
  readonly usPerSpan: number
  readonly spansPerSecond: number
  readonly rssMiB: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const works = positionals.length > 0 ? positionals : Object.keys(WORKS)
  const products = ['millrace', ...(existsSync(GO_COLLECTOR) ? ['otelcol'] : [])]
  if (!values.json) console.log('work          product    us/span   of Go    spans/s   RSS MiB')
  for (const name of works) {
    const work = WORKS[name]
    if (work === undefined)
      throw new Error(`no work "${name}"; there are ${Object.keys(WORKS).join(', ')}`)
    const best = new Map<string, Measured>()
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const product of products) {
        const measured = await measure(product, work)
        const before = best.get(product)
        if (before === undefined || measured.usPerSpan < before.usPerSpan)
          best.set(product, measured)
      }
    }
    report(name, best)
  }
}

function report(name: string, best: ReadonlyMap<string, Measured>): void {
  const go = best.get('otelcol')?.usPerSpan
  for (const [product, m] of best) {
    const ratio = go === undefined ? '?' : (m.usPerSpan / go).toFixed(2)
    if (values.json) console.log(JSON.stringify({ work: name, product, ...m, ofGo: Number(ratio) }))
    else {
      const cells = [
        m.usPerSpan.toFixed(3),
        ratio,
        m.spansPerSecond.toFixed(0),
        m.rssMiB.toFixed(0),
      ]
      const [us, of, rate, rss] = cells
      console.log(
        `${name.padEnd(14)}${product.padEnd(9)}${us.padStart(9)}${of.padStart(8)}${rate.padStart(11)}${rss.padStart(10)}`,
      )
    }
  }
}

async function measure(product: string, work: Work): Promise<Measured> {
  const [receive, sinkPort] = await freePorts(2)
  const sink = await startProcess(
    process.execPath,
    ['--import', 'tsx', join(ROOT, 'bench/flow/sink.ts'), String(sinkPort), work.protocol],
    sinkPort,
  )
  const isPeer = product !== 'millrace'
  const processors = (isPeer ? work.peerProcessors : undefined) ?? work.processors ?? {}
  const config = configuration(work, processors, receive, sinkPort)
  const collector = isPeer
    ? await startProcess(GO_COLLECTOR, ['--config', `yaml:${config}`], receive)
    : await startProcess(process.execPath, [MAIN, '--config', `yaml:${config}`], receive)
  try {
    await generate(work, receive, work.warmSeconds ?? WARM_SECONDS)
    const before = cpuSeconds(collector)
    const length = Math.max(Number(values.seconds), work.leastSeconds ?? 0)
    const { accepted, seconds } = await generate(work, receive, length)
    const cpu = cpuSeconds(collector) - before
    return {
      usPerSpan: (cpu / accepted) * 1e6,
      spansPerSecond: accepted / seconds,
      rssMiB: rssMiB(collector),
    }
  } finally {
    await collector.stop()
    await sink.stop()
  }
}

/** Both products read the same text, unless the work has processors for each. */
function configuration(
  work: Work,
  processors: Processors,
  receive: number,
  sinkPort: number,
): string {
  const { protocol, compression } = work
  const endpoint = `127.0.0.1:${sinkPort}`
  const exporter = protocol === 'grpc' ? 'otlp_grpc' : 'otlp_http'
  const to =
    protocol === 'grpc' ? { endpoint, tls: { insecure: true } } : { endpoint: `http://${endpoint}` }
  return JSON.stringify({
    receivers: { otlp: { protocols: { [protocol]: { endpoint: `127.0.0.1:${receive}` } } } },
    processors: { ...processors, batch: {} },
    exporters: { [exporter]: { ...to, compression } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: [...Object.keys(processors), 'batch'],
          exporters: [exporter],
        },
      },
    },
  })
}

async function generate(
  work: Work,
  port: number,
  seconds: number,
): Promise<{ accepted: number; seconds: number }> {
  const { protocol, compression, items, inFlight, rate = 0 } = work
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[MAIN, 'generate', '--json', '--signal', 'traces', '--insecure'],
    ...['--protocol', protocol, '--compression', compression, '--items', String(items)],
    ...['--endpoint', protocol === 'grpc' ? `127.0.0.1:${port}` : `http://127.0.0.1:${port}`],
    ...['--connections', '2', '--in-flight', String(inFlight), '--duration', `${seconds}s`],
    ...['--rate', String(rate)],
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

await main()
