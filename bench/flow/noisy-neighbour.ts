/**
 * Answers: what does a tenant notice of a neighbour who misbehaves?
 *
 *   npm run bench:neighbours -- [--rounds 4] [--slice 2] [--steady] [KIND...]
 *
 * One tenant sends steadily; by turns alone, and beside one that sends twenty times its quota, huge requests, opens ten
 * thousand connections, sends bodies byte by byte, or shows wrong credentials: to another collector (apart), and to the
 * same (beside). All of it runs on one machine, so the ratios are of beside to apart. p99 is that of the middle slice;
 * pooled is the ratio over the requests of all slices. Exits 1 when a bar is missed.
 */
import { parseArgs } from 'node:util'
import { noisyNeighbour } from '../../test/faults/noisy-neighbour.ts'
import { NOISES, type NoiseKind } from '../../test/harness/noise.ts'
import { printRow, runBench } from './bench-kit.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '4' },
    slice: { type: 'string', default: '2' },
    /** Only the latency: more of it in the same time. */
    steady: { type: 'boolean', default: false },
  },
})

const MOST_WORSE = 1.1
const COLUMNS = [
  ...['p50 alone', 'apart', 'beside'],
  ...['p99 alone', 'apart', 'beside', 'ratio', 'pooled'],
  ...['spans/s', 'apart', 'beside', 'ratio'],
  'failed',
]

await runBench(async scope => {
  const { rows, accepted, arrived, rssMiB, stopped } = await noisyNeighbour(scope, {
    kinds: positionals.length > 0 ? (positionals as NoiseKind[]) : NOISES,
    rounds: Number(values.rounds),
    sliceMs: Number(values.slice) * 1000,
    isFull: !values.steady,
  })
  printRow('', COLUMNS)
  let isWithin = true
  for (const { kind, alone, apart, beside } of rows) {
    const worse = beside.p99Ms / apart.p99Ms
    const rate = beside.mostPerSecond / apart.mostPerSecond
    isWithin &&= worse <= MOST_WORSE && beside.failedSpans === 0
    isWithin &&= values.steady || rate >= 1 / MOST_WORSE
    const cells = [
      ...[alone, apart, beside].map(({ p50Ms }) => p50Ms.toFixed(2)),
      ...[alone, apart, beside].map(({ p99Ms }) => p99Ms.toFixed(2)),
      worse.toFixed(2),
      (beside.pooledP99Ms / apart.pooledP99Ms).toFixed(2),
      ...[alone, apart, beside].map(({ mostPerSecond }) => mostPerSecond.toFixed(0)),
      rate.toFixed(2),
      beside.failedSpans,
    ]
    printRow(kind, cells)
  }
  const isExact = stopped.rows.every(row => row.balanced)
  console.log(`accepted ${accepted}, arrived ${arrived}, ledger ${isExact ? 'exact' : 'NOT EXACT'}`)
  console.log(`resident at most ${rssMiB.toFixed(0)} MiB`)
  return isWithin && isExact && accepted === arrived
})
