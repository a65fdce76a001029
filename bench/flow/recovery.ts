/**
 * Answers: how long does a collector take to start with a gibibyte of undelivered segments, and how much memory?
 *
 *   npm run bench:recovery -- [--mib 1024] [--items 512]
 *
 * Nobody listens at the destination while the segments fill; then the process is killed and started again. Smaller
 * `--items` make more and smaller entries of the same volume. Exits 1 when a bar is missed.
 */
import { parseArgs } from 'node:util'
import { logged, Subject, temporaryFolder } from '../../test/faults/kit.ts'
import { freePorts } from '../../test/harness/ports.ts'
import { generate, peakRssMiB, printRow, runBench } from './bench-kit.ts'

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    items: { type: 'string', default: '512' },
  },
})

const MOST_SECONDS = 5
const MOST_RSS_MIB = 600
const MOST_FILLING_ROUNDS = 40

await runBench(async scope => {
  const [target] = await freePorts(1)
  const subject = await Subject.start(scope, {
    target,
    storage: {
      directory: temporaryFolder(scope),
      fsync: 'never',
      max_bytes: 0,
      max_bytes_per_tenant: 0,
    },
    queue: { queue_size: 100_000_000 },
  })
  const wanted = Number(values.mib) * 2 ** 20
  let bytes = 0
  let accepted = 0
  for (let round = 0; bytes < wanted && round < MOST_FILLING_ROUNDS; round++) {
    const filled = await generate(subject.port, [
      ...['--items', values.items, '--connections', '2', '--in-flight', '32', '--duration', '5s'],
    ])
    if (filled.items.accepted === 0) throw new Error('nothing is accepted any more')
    bytes += filled.bytes
    accepted += filled.items.accepted
  }
  const filledRssMiB = subject.rssMiB()
  await subject.kill()
  const begunMs = performance.now()
  await subject.again()
  const seconds = (performance.now() - begunMs) / 1000
  const peak = peakRssMiB(subject)
  const { output, rows } = await subject.stop()
  printRow('', ['MiB', 'spans', 'start s', 'peak MiB', 'before MiB'])
  printRow(`${values.items} spans a request`, [
    (bytes / 2 ** 20).toFixed(0),
    accepted,
    seconds.toFixed(2),
    peak.toFixed(0),
    filledRssMiB.toFixed(0),
  ])
  const [{ durationMs, entries }] = logged(output, 'stored_queues_recovered')
  console.log(`${entries} entries read in ${durationMs} ms`)
  console.log(`ready in ${seconds.toFixed(2)} s (at most ${MOST_SECONDS})`)
  const recovered = rows.reduce((sum, row) => sum + row.accepted, 0)
  if (recovered !== accepted) console.log(`recovered ${recovered} of ${accepted} spans`)
  return seconds <= MOST_SECONDS && recovered === accepted && peak <= MOST_RSS_MIB
})
