/**
 * Answers, about rule files in a running collector: what do 5 and 100 rules over 8 attributes cost a span, how long does
 * a set of a thousand rules take to load, and how long do requests wait while sets are swapped under 100,000 spans/s?
 *
 *   npm run bench:rules -- [--seconds 3] [--rounds 2]
 *
 * CPU is that of the collector process alone; the three sets take turns in one run. Exits 1 when a bar is missed.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { Source } from '../../src/config/source.ts'
import { makeCursorEvaluator } from '../../src/rules/files/cursor-evaluator.ts'
import { Engine } from '../../src/rules/files/engine.ts'
import { ruleLanguage } from '../../src/rules/files/language.ts'
import { loadRules } from '../../src/rules/files/load.ts'
import { atOnce } from '../../src/util/in-slices.ts'
import { freePorts } from '../../test/harness/ports.ts'
import {
  MAIN,
  ROOT,
  type Running,
  startMillrace,
  startProcess,
} from '../../test/harness/process.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '2' } },
})

const MOST_RATIO = 2
const MOST_LOAD_MS = 1000
const MOST_WAIT_MS = 50
const RATE = 100_000
/** What generated spans of servers have; no value is one of theirs, so that every rule is asked about every span. */
const KEYS = [
  'http.request.method',
  'http.route',
  'url.path',
  'url.scheme',
  'client.address',
  'user_agent.original',
  'network.protocol.version',
  'enduser.plan',
]
/** Clock ticks a second in /proc/PID/stat. */
const TICKS = 100

interface Report {
  readonly seconds: number
  readonly requests: number
  readonly items: { readonly accepted: number; readonly sent: number }
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

function rulesText(count: number, stamp = ''): string {
  const rules = Array.from({ length: count }, (_, i) => {
    const when = `attributes["${KEYS[i % KEYS.length]}"] == "none${stamp}-${i}"`
    return `  - { name: r${i}, when: '${when}', do: drop }\n`
  })
  return `version: 1\nrules:${rules.length === 0 ? ' []' : ''}\n${rules.join('')}`
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-rules-'))
const [sinkPort] = await freePorts(1)
const sink = await startProcess(
  process.execPath,
  ['--import', 'tsx', join(ROOT, 'bench/flow/sink.ts'), String(sinkPort), 'grpc'],
  sinkPort,
)

interface Started {
  readonly running: Running
  readonly port: number
  readonly path: string
}

/** Null: no `rules` at all. */
async function start(name: string, text: string | null): Promise<Started> {
  const [port] = await freePorts(1)
  const path = join(folder, `${name}.yaml`)
  if (text !== null) writeFileSync(path, text)
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { batch: {}, ...(text === null ? {} : { rules: { files: [path] } }) },
    exporters: { otlp_grpc: { endpoint: `127.0.0.1:${sinkPort}`, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: [...(text === null ? [] : ['rules']), 'batch'],
          exporters: ['otlp_grpc'],
        },
      },
    },
  }
  const running = await startMillrace(JSON.stringify(config), port, ['--no-admin-socket'])
  return { running, port, path }
}

async function generate(port: number, seconds: number, more: readonly string[]): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[MAIN, 'generate', '--json', '--insecure', '--endpoint', `127.0.0.1:${port}`],
    ...['--signal', 'traces', '--items', '512', '--duration', `${seconds}s`, ...more],
  ])
  return JSON.parse(stdout) as Report
}

function cpuSeconds({ child }: Running): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Whether all that was accepted is accounted for after the collector has stopped. */
async function ledgerIsExact({ running }: Started, accepted: number): Promise<boolean> {
  const code = await running.stop(20_000)
  const events = running
    .output()
    .split('\n')
    .filter(line => line.includes('"event":"ledger"'))
    .map(line => JSON.parse(line) as { sent: number; balanced: boolean })
  const sent = events.reduce((sum, row) => sum + row.sent, 0)
  return code === 0 && sent === accepted && events.every(row => row.balanced)
}

async function compareCost(): Promise<boolean> {
  const sets: readonly (readonly [string, string | null])[] = [
    ['no rules', null],
    ['5 rules', rulesText(5)],
    ['100 rules', rulesText(100)],
  ]
  const ways = await Promise.all(
    sets.map(async ([name, text]) => ({
      name,
      ...(await start(name.replace(' ', '-'), text)),
      accepted: 0,
      costs: [] as number[],
    })),
  )
  const load = ['--connections', '2', '--in-flight', '8']
  for (const way of ways) way.accepted += (await generate(way.port, 1, load)).items.accepted
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of ways) {
      const before = cpuSeconds(way.running)
      const { items } = await generate(way.port, Number(values.seconds), load)
      way.costs.push(((cpuSeconds(way.running) - before) / items.accepted) * 1e6)
      way.accepted += items.accepted
    }
  }
  const best = ways.map(way => Math.min(...way.costs))
  console.log('rules            us/span   of 5 rules   ledger')
  let isExact = true
  for (const [i, way] of ways.entries()) {
    const exact = await ledgerIsExact(way, way.accepted)
    isExact &&= exact
    const ratio = (best[i] / best[1]).toFixed(2)
    console.log(
      `${way.name.padEnd(14)}${best[i].toFixed(3).padStart(10)}${ratio.padStart(13)}   ${exact ? 'exact' : 'NOT EXACT'}`,
    )
  }
  return isExact && best[2] < MOST_RATIO * best[1]
}

/** The first load of a process, with nothing warm, as at start. */
function measureLoad(): boolean {
  const started = performance.now()
  const before = process.cpuUsage()
  const { set, problems } = loadRules([new Source('r.yaml', rulesText(1000))], {
    language: ruleLanguage,
  })
  if (set === undefined) throw new Error(problems.map(problem => problem.message).join('\n'))
  atOnce(Engine.build(set, 'traces', makeCursorEvaluator))
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  const cpu = ((user + system) / 1000).toFixed(0)
  console.log(`1000 rules: ready in ${ms.toFixed(0)} ms (at most ${MOST_LOAD_MS}), CPU ${cpu} ms`)
  return ms < MOST_LOAD_MS
}

/** With and without swaps, so that what the machine does by itself is seen. */
async function measureSwaps(): Promise<boolean> {
  console.log('100 rules, spans/s    p50 ms   p99 ms   max ms   swaps   ledger')
  const started = await start('swapped', rulesText(100))
  const load = ['--rate', String(RATE), '--connections', '2', '--in-flight', '8']
  let accepted = (await generate(started.port, 2, load)).items.accepted
  const still = await generate(started.port, 8, load)
  let written = 0
  const timer = setInterval(() => writeFileSync(started.path, rulesText(100, `-${written++}`)), 500)
  const swapped = await generate(started.port, 8, load)
  clearInterval(timer)
  accepted += still.items.accepted + swapped.items.accepted
  const exact = await ledgerIsExact(started, accepted)
  const swaps = started.running.output().split('"event":"rules_live"').length - 2
  const row = ({ items, seconds, latencyMs: { p50, p99, max } }: Report, rest: string): void => {
    const cells = [p50, p99, max].map(ms => ms.toFixed(1).padStart(9)).join('')
    console.log(`${(items.accepted / seconds).toFixed(0).padStart(18)} ${cells}${rest}`)
  }
  row(still, `${'none'.padStart(8)}`)
  row(swapped, `${String(swaps).padStart(8)}   ${exact ? 'exact' : 'NOT EXACT'}`)
  return exact && swaps > 0 && swapped.latencyMs.max < MOST_WAIT_MS
}

try {
  const isLoaded = measureLoad()
  const isCheap = await compareCost()
  const isSmooth = await measureSwaps()
  if (!isLoaded || !isCheap || !isSmooth) process.exitCode = 1
} finally {
  await sink.stop()
  rmSync(folder, { recursive: true })
}
