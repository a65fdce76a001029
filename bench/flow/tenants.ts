/**
 * Answers: what do a thousand tenants cost when ten of them send, and what does one cost that does not?
 *
 *   npm run bench:tenants -- [--seconds 4] [--rounds 3]
 *
 * The same load by one tenant and by ten of a thousand, by turns in one run; then the memory of tenants that sent once.
 * CPU is that of the collector alone. Exits 1 when a bar is missed.
 */
import { parseArgs } from 'node:util'
import { atEnd, type Scope, Subject } from '../../test/faults/kit.ts'
import { TENANT_HEADER, tenantsConfig } from '../../test/faults/tenants.ts'
import { forkLoad, type LoadChild } from '../../test/harness/load-child.ts'
import { printRow, runBench, startDiscardingSink, untilIdle } from './bench-kit.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '100000' },
  },
})

const TENANTS = 1000
const ACTIVE = 10
const SPANS = 512
/** Known by one request each, so that the difference stands out from what memory does by itself. */
const IDLE_TENANTS = 5000
const MOST_RATIO = 1.05
const MOST_IDLE_KIB = 20

await runBench(async scope => {
  const target = await startDiscardingSink(scope)
  const load = forkLoad()
  atEnd(scope, () => load.close())
  const cpu = await compareCost(scope, load, target)
  const memory = await compareMemory(scope, load, target)
  return cpu && memory
})

interface Way {
  readonly title: string
  readonly subject: Subject
  /** Whose requests come in turn. */
  readonly active: readonly string[]
  readonly costs: number[]
}

async function compareCost(scope: Scope, load: LoadChild, target: number): Promise<boolean> {
  const limits = { weight: 1, items_per_second: 1_000_000, concurrent_requests: 1000 }
  const one = await start(scope, target, names(1), limits)
  const many = await start(scope, target, names(TENANTS), limits)
  await sendEach(load, many, names(TENANTS))
  const ways: Way[] = [
    { title: '1 tenant', subject: one, active: names(1), costs: [] },
    { title: `${ACTIVE} of ${TENANTS} tenants`, subject: many, active: names(ACTIVE), costs: [] },
  ]
  for (const way of ways) await measure(load, way, 2)
  for (const way of ways) way.costs.length = 0
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of ways) await measure(load, way, Number(values.seconds))
  }
  printRow('', ['us/span', 'RSS MiB'])
  const best = ways.map(way => Math.min(...way.costs))
  for (const [i, way] of ways.entries()) {
    printRow(way.title, [best[i].toFixed(3), way.subject.rssMiB().toFixed(0)])
  }
  for (const way of ways) await stopExact(way.subject)
  const ratio = best[1] / best[0]
  console.log(`CPU of many: ${ratio.toFixed(3)} of one (at most ${MOST_RATIO})`)
  return ratio <= MOST_RATIO
}

async function compareMemory(scope: Scope, load: LoadChild, target: number): Promise<boolean> {
  const rss: number[] = []
  for (const count of [1, IDLE_TENANTS]) {
    const subject = await start(scope, target, [], {})
    const all = Array.from({ length: IDLE_TENANTS }, (_, i) => `t${i % count}`)
    await sendEach(load, subject, all)
    await sendEach(load, subject, new Array(IDLE_TENANTS).fill('t0'))
    await untilIdle(subject)
    rss.push(subject.rssMiB())
    await stopExact(subject)
  }
  const kib = ((rss[1] - rss[0]) * 1024) / IDLE_TENANTS
  console.log(`an idle tenant: ${kib.toFixed(1)} KiB (at most ${MOST_IDLE_KIB})`)
  return kib <= MOST_IDLE_KIB
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `team-${i}`)
}

function start(
  scope: Scope,
  target: number,
  tenants: readonly string[],
  limits: object,
): Promise<Subject> {
  const table = Object.fromEntries(tenants.map(tenant => [tenant, limits]))
  return Subject.start(scope, {
    target,
    tenants: tenantsConfig(table),
    queue: { queue_size: 100_000 },
  })
}

/** One small request of each. */
async function sendEach(
  load: LoadChild,
  { port }: Subject,
  tenants: readonly string[],
): Promise<void> {
  load.begin({
    ...{ port, stream: 1, spans: 1, inFlight: 8, requests: tenants.length },
    inTurn: { key: TENANT_HEADER, values: tenants },
  })
  const { accepted } = await load.end(true)
  if (accepted !== tenants.length) throw new Error(`${accepted} of ${tenants.length} were accepted`)
}

async function measure(load: LoadChild, way: Way, seconds: number): Promise<void> {
  const { subject, active } = way
  const before = subject.cpuSeconds()
  load.begin({
    ...{ port: subject.port, stream: 1, spans: SPANS, inFlight: 16, connections: 2 },
    rate: Number(values.rate),
    inTurn: { key: TENANT_HEADER, values: active },
  })
  await new Promise(resolve => setTimeout(resolve, seconds * 1000))
  const { accepted, refused, unknown } = await load.end()
  if (refused + unknown > 0) throw new Error(`${way.title}: ${refused + unknown} were not accepted`)
  await untilIdle(subject)
  way.costs.push(((subject.cpuSeconds() - before) / accepted) * 1e6)
}

async function stopExact(subject: Subject): Promise<void> {
  const { code, rows, output } = await subject.stop()
  if (code !== 0 || rows.some(row => !row.balanced)) throw new Error(output)
}
