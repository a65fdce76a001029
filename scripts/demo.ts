/**
 * `npm run demo`: a gateway on pipelines/demo.yaml, a backend that counts, the OpenTelemetry JS SDK by three protocols and the load
 * generator, for about ten seconds; beside it a sampler that a small shop's traces go through. Ends with 0 only if the ledger balances and
 * every item is found again behind it.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Load, startLoad } from '../src/cli/generate/load.ts'
import { readLoadOptions } from '../src/cli/generate/options.ts'
import { SIGNALS, type Signal } from '../src/core/signal.ts'
import { Backend } from './demo/backend.ts'
import { countLines } from './demo/count-items.ts'
import { Gateway, type Numbers } from './demo/gateway.ts'
import { SdkApp } from './demo/sdk-app.ts'
import { ShopDemo, type ShopReport } from './demo/shop.ts'

const SECONDS = Number(process.env.DEMO_SECONDS ?? 10)
/** Items a second that the generator adds to what the SDKs make. */
const GRPC_RATE = 3000
const HTTP_RATE = 2000

const OUT = join(import.meta.dirname, '..', 'out', 'demo')
const FILE = join(OUT, 'telemetry.json')
const LOG = join(OUT, 'gateway.log')
const SHOP_LOG = join(OUT, 'shop.log')

process.exitCode = (await demo()) ? 0 : 1

async function demo(): Promise<boolean> {
  await rm(OUT, { recursive: true, force: true })
  await mkdir(OUT, { recursive: true })
  const backend = new Backend()
  const backendAddresses = await backend.start()
  const gateway = await Gateway.start(backendAddresses, LOG, FILE)
  const shop = await ShopDemo.start(SHOP_LOG)
  const { grpc, http, health, metrics, zpages } = gateway.addresses
  say(`gateway   OTLP/gRPC on ${grpc}, OTLP/HTTP on ${http}, on pipelines/demo.yaml`)
  say(`backend   OTLP/gRPC on ${backendAddresses.grpc}, OTLP/HTTP on ${backendAddresses.http}`)
  say('senders   OTel JS SDK by grpc, http/protobuf and http/json; load generator by both, gzip')
  say(`look      ${health} health, ${metrics} metrics, ${zpages}/debug status\n`)

  const apps = (['grpc', 'http/protobuf', 'http/json'] as const).map(
    protocol => new SdkApp(protocol, grpc, http),
  )
  const loads = await Promise.all([
    startLoad(loadOptions('grpc', grpc, GRPC_RATE)),
    startLoad(loadOptions('http', http, HTTP_RATE)),
  ])
  await Promise.all([watch(gateway, SECONDS), shop.run(SECONDS)])
  await Promise.all(apps.map(app => app.stop()))
  const reports = await Promise.all(loads.map(load => load.done))
  const numbers = await untilEmpty(gateway)
  const exitCode = await gateway.stop()
  const wrote = await countLines(FILE)
  await backend.stop()
  const sampled = await shop.report()

  printLedger(numbers)
  printDeliveries(numbers, backend, wrote)
  printLatency(reports)
  printShop(sampled)
  printWhereToLook()
  return judge(numbers, backend, wrote, { apps, reports, exitCode, sampled })
}

function loadOptions(protocol: string, endpoint: string, rate: number) {
  return readLoadOptions({
    signal: 'all',
    rate: String(rate),
    duration: `${SECONDS}s`,
    items: '100',
    protocol,
    endpoint,
    compression: 'gzip',
    seed: '1',
    connections: '1',
    inFlight: '4',
    header: [],
    timeout: '10s',
    insecure: true,
    tls: false,
    insecureSkipVerify: false,
  })
}

type Report = Awaited<Load['done']>

/** One line a second. */
async function watch(gateway: Gateway, seconds: number): Promise<void> {
  let before = { accepted: 0, sent: 0 }
  for (let second = 1; second <= seconds; second++) {
    await sleep(1000)
    const numbers = await gateway.numbers()
    const { accepted, sent, held, dropped } = total(numbers)
    const cells = [
      `${String(second).padStart(2)} s`,
      `accepted ${count(accepted - before.accepted).padStart(6)}/s`,
      `sent ${count(sent - before.sent).padStart(6)}/s`,
      `held ${count(held).padStart(6)}`,
      `dropped ${count(dropped)}`,
      `memory ${(numbers.rssBytes / 2 ** 20).toFixed(0)} MiB`,
    ]
    say(cells.join('   '))
    before = { accepted, sent }
  }
}

/** What is on the way when the senders stop needs a moment. */
async function untilEmpty(gateway: Gateway): Promise<Numbers> {
  for (let i = 0; ; i++) {
    const numbers = await gateway.numbers()
    if (total(numbers).held === 0 || i === 100) return numbers
    await sleep(100)
  }
}

function total({ ledger }: Numbers) {
  const sum = (key: keyof Numbers['ledger'][Signal]) =>
    SIGNALS.reduce((all, signal) => all + ledger[signal][key], 0)
  return {
    accepted: sum('accepted'),
    sent: sum('sent'),
    held: sum('held'),
    dropped: sum('dropped'),
  }
}

function printLedger({ ledger, drops }: Numbers): void {
  say('\nThe ledger: accepted + copied = sent + dropped + held')
  say(row(['', 'accepted', 'copied', 'sent', 'dropped', 'held', '']))
  for (const signal of SIGNALS) {
    const { accepted, copied, sent, dropped, held } = ledger[signal]
    const even = accepted + copied === sent + dropped + held
    const cells = [accepted, copied, sent, dropped, held].map(count)
    say(row([signal, ...cells, even ? 'balanced' : 'OUT OF BALANCE']))
  }
  for (const { signal, stage, reason, items } of drops) {
    say(`  dropped: ${count(items)} of ${signal} at ${stage}, reason ${reason}`)
  }
}

function printDeliveries({ ledger }: Numbers, backend: Backend, wrote: Counted): void {
  say('\nFound again behind the gateway, counted by other means')
  say(row(['', 'accepted', 'backend', 'file']))
  for (const signal of SIGNALS) {
    const cells = [ledger[signal].accepted, backend.counts[signal], wrote[signal]].map(count)
    say(row([signal, ...cells]))
  }
}

function printLatency(reports: readonly Report[]): void {
  say('\nHow long the generator waited for an answer')
  for (const [i, { latencyMs }] of reports.entries()) {
    const [p50, p99] = [latencyMs.p50, latencyMs.p99].map(ms => `${ms.toFixed(1)} ms`)
    say(`  ${i === 0 ? 'grpc' : 'http'}  p50 ${p50}  p99 ${p99}`)
  }
}

function printShop({ traces, symptomatic, kept, keptSymptomatic, adjusted }: ShopReport): void {
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`
  say('\nThe shop: an incident half-way, and a sampler that may keep one trace in ten')
  say(`  traces        ${count(kept)} of ${count(traces)} kept, ${share(kept, traces)}`)
  say(
    `  symptomatic   ${count(keptSymptomatic)} of ${count(symptomatic)} kept, ${share(keptSymptomatic, symptomatic)}`,
  )
  say(`  by ot=th      the kept ones say that they stand for ${count(adjusted)}`)
}

function printWhereToLook(): void {
  const here = (path: string) => relative(process.cwd(), path)
  say('\nWhere to look next')
  say(`  ${here(FILE)}   every item as OTLP/JSON`)
  say(`  ${here(LOG)}     what the gateway said; ${here(SHOP_LOG)}: the sampler`)
  say('  pipelines/   more configurations: node dist/main.js --config pipelines/debug.yaml')
  say('  README.md   recipes, and what was measured')
}

type Counted = Readonly<Record<Signal, number>>

interface Senders {
  readonly apps: readonly SdkApp[]
  readonly reports: readonly Report[]
  readonly exitCode: number | null
  readonly sampled: ShopReport
}

/** Says everything that is wrong; true if nothing is. */
function judge(numbers: Numbers, backend: Backend, wrote: Counted, senders: Senders): boolean {
  const faults: string[] = []
  const { apps, reports, exitCode, sampled } = senders
  for (const signal of SIGNALS) {
    const { accepted, copied, sent, dropped, held } = numbers.ledger[signal]
    if (accepted === 0) faults.push(`no ${signal} were accepted`)
    if (accepted + copied !== sent + dropped + held) faults.push(`${signal}: out of balance`)
    if (held > 0) faults.push(`${signal}: ${held} items were still held`)
    if (backend.counts[signal] !== accepted) faults.push(`${signal}: the backend has not all`)
    if (wrote[signal] !== accepted) faults.push(`${signal}: the file has not all`)
  }
  const made = {
    traces: apps.reduce((sum, { spans }) => sum + spans, 0),
    logs: apps.reduce((sum, { logRecords }) => sum + logRecords, 0),
  }
  for (const signal of ['traces', 'logs'] as const) {
    const loaded = reports.reduce((sum, { bySignal }) => sum + (bySignal[signal]?.accepted ?? 0), 0)
    const { accepted } = numbers.ledger[signal]
    const sent = made[signal] + loaded
    if (sent !== accepted) faults.push(`${signal}: ${sent} were sent and ${accepted} accepted`)
  }
  if (exitCode !== 0) faults.push(`the gateway ended with ${exitCode}`)
  if (sampled.exitCode !== 0) faults.push(`the sampler ended with ${sampled.exitCode}`)
  if (sampled.refused > 0) faults.push(`${sampled.refused} traces of the shop were refused`)
  if (sampled.kept === 0) faults.push('the sampler kept no trace of the shop')
  for (const fault of faults) say(`\nWRONG: ${fault}`)
  if (faults.length === 0) say('\nEvery item is accounted for.')
  return faults.length === 0
}

function row(cells: readonly string[]): string {
  const [first, ...rest] = cells
  return `  ${first.padEnd(8)}${rest.map(cell => cell.padStart(10)).join('')}`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
