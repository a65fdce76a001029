/**
 * Answers: what does it cost to have everything on disk before it is acknowledged?
 *
 *   npm run bench:durable -- [--seconds 4] [--rounds 2]
 *
 * The same load through a queue in memory and through write-ahead segments under each fsync policy, by turns in one run.
 * CPU is that of the collector alone, until everything is delivered. Exits 1 when a bar is missed.
 */
import { parseArgs } from 'node:util'
import { type Scope, Subject, temporaryFolder } from '../../test/faults/kit.ts'
import { generate, printRow, runBench, startDiscardingSink, untilIdle } from './bench-kit.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    /** Where segments are written; a folder on the disk that is asked about. */
    directory: { type: 'string' },
  },
})

const MOST_RATIO = 2
const LEAST_SPANS_PER_SECOND = 150_000
const LOAD = ['--items', '512', '--connections', '2', '--in-flight', '16']

const WAYS = ['memory', 'always', 'interval', 'never'] as const
type Way = (typeof WAYS)[number]

interface Cost {
  readonly usPerSpan: number
  readonly accepted: number
  /** Until it was answered, and until it was delivered. */
  readonly spansPerSecond: number
  readonly deliveredPerSecond: number
  readonly rssMiB: number
}

await runBench(async scope => {
  const target = await startDiscardingSink(scope)
  const best = new Map<Way, Cost>()
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of WAYS) {
      const cost = await measure(scope, way, target)
      const before = best.get(way)
      if (before === undefined || cost.usPerSpan < before.usPerSpan) best.set(way, cost)
    }
  }
  const memory = best.get('memory')!
  printRow('queue', ['us/span', 'of memory', 'accepted/s', 'delivered/s', 'RSS MiB'])
  for (const [way, cost] of best) {
    printRow(way === 'memory' ? way : `disk, fsync ${way}`, [
      cost.usPerSpan.toFixed(3),
      (cost.usPerSpan / memory.usPerSpan).toFixed(2),
      cost.spansPerSecond.toFixed(0),
      cost.deliveredPerSecond.toFixed(0),
      cost.rssMiB.toFixed(0),
    ])
  }
  const always = best.get('always')!
  const ratio = always.usPerSpan / memory.usPerSpan
  console.log(
    `fsync always: ${ratio.toFixed(2)} of memory (at most ${MOST_RATIO}), ${always.deliveredPerSecond.toFixed(0)} spans/s (at least ${LEAST_SPANS_PER_SECOND})`,
  )
  return ratio <= MOST_RATIO && always.deliveredPerSecond >= LEAST_SPANS_PER_SECOND
})

async function measure(scope: Scope, way: Way, target: number): Promise<Cost> {
  const directory = values.directory ?? temporaryFolder(scope)
  const storage = way === 'memory' ? undefined : { directory, fsync: way }
  const subject = await Subject.start(scope, { target, storage })
  await generate(subject.port, [...LOAD, '--duration', '2s'])
  await untilIdle(subject)
  const before = subject.cpuSeconds()
  const { items, seconds } = await generate(subject.port, [
    ...LOAD,
    ...['--duration', `${values.seconds}s`],
  ])
  const generatedMs = performance.now()
  const idleMs = Math.max(await untilIdle(subject), generatedMs)
  const { accepted } = items
  const cost = {
    usPerSpan: ((subject.cpuSeconds() - before) / accepted) * 1e6,
    accepted,
    spansPerSecond: accepted / seconds,
    deliveredPerSecond: accepted / (seconds + (idleMs - generatedMs) / 1000),
    rssMiB: subject.rssMiB(),
  }
  const { code, rows, output } = await subject.stop()
  if (code !== 0 || rows.some(row => !row.balanced || row.held > 0)) throw new Error(output)
  return cost
}
