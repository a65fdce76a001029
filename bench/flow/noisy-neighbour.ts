/**
 * Answers: what does a tenant notice of a neighbour who misbehaves?
 *
 *   npm run bench:neighbours -- [--rounds 3] [--slice 2.5] [KIND...]
 *
 * One tenant sends steadily; by turns alone and beside one that sends twenty times its quota, huge requests, opens ten
 * thousand connections, sends bodies byte by byte, or shows wrong credentials. Exits 1 when a bar is missed.
 */
import { parseArgs } from 'node:util'
import { noisyNeighbour } from '../../test/faults/noisy-neighbour.ts'
import { NOISES, type NoiseKind } from '../../test/harness/noise.ts'
import { printRow, runBench } from './bench-kit.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    slice: { type: 'string', default: '2.5' },
  },
})

const MOST_WORSE = 1.1

await runBench(async scope => {
  const { rows, accepted, arrived, rssMiB, stopped } = await noisyNeighbour(scope, {
    kinds: positionals.length > 0 ? (positionals as NoiseKind[]) : NOISES,
    rounds: Number(values.rounds),
    sliceMs: Number(values.slice) * 1000,
    isFull: true,
  })
  printRow('', [
    'p50 alone',
    'beside',
    'p99 alone',
    'beside',
    'ratio',
    'spans/s',
    'ratio',
    'failed',
  ])
  let isWithin = true
  for (const { kind, alone, beside } of rows) {
    const worse = beside.p99Ms / alone.p99Ms
    const rate = beside.mostPerSecond / alone.mostPerSecond
    isWithin &&= worse <= MOST_WORSE && rate >= 1 / MOST_WORSE && beside.failedSpans === 0
    printRow(kind, [
      alone.p50Ms.toFixed(2),
      beside.p50Ms.toFixed(2),
      alone.p99Ms.toFixed(2),
      beside.p99Ms.toFixed(2),
      worse.toFixed(2),
      beside.mostPerSecond.toFixed(0),
      rate.toFixed(2),
      beside.failedSpans,
    ])
  }
  const isExact = stopped.rows.every(row => row.balanced)
  console.log(`accepted ${accepted}, arrived ${arrived}, ledger ${isExact ? 'exact' : 'NOT EXACT'}`)
  console.log(`resident at most ${rssMiB.toFixed(0)} MiB`)
  return isWithin && isExact && accepted === arrived
})
