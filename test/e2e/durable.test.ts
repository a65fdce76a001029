/** Durable queues in short: the built program is killed under load, its destination dies, and nothing accepted is missing. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { crashRounds } from '../faults/crash-rounds.ts'
import {
  assertExact,
  Subject,
  startLoad,
  startSink,
  temporaryFolder,
  untilDelivered,
} from '../faults/kit.ts'
import { outage } from '../faults/outage.ts'

test('loses nothing in three kills under load', async t => {
  const report = await crashRounds(t, { rounds: 3, seed: 3 })

  const { stopped, ...figures } = report
  assert.equal(report.missing, 0, JSON.stringify(figures))
  assert.equal(report.unwanted, 0)
  assert.ok(report.accepted > 0)
  assertExact(stopped)
})

test('loses nothing while the destination is dead, and drains by weight', async t => {
  const report = await outage(t, { deadMs: 1500, spansPerSecond: 10_000, storage: {} })

  const { stopped, ...figures } = report
  assert.equal(report.missing, 0, JSON.stringify(figures))
  assert.equal(report.refused, 0)
  assert.ok(report.unfairness <= 0.1, JSON.stringify(report.shares))
  assertExact(stopped)
})

test('a stop in good order leaves on disk what cannot be delivered, and the next start delivers it once', async t => {
  const sink = await startSink(t)
  await sink.die()
  const storage = { directory: temporaryFolder(t) }
  const subject = await Subject.start(t, { target: sink.port, storage })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: 10, requests: 100 })
  await load.done

  const first = await subject.stop()
  await sink.revive()
  await subject.again()
  await untilDelivered(load.fates, sink, [1], 10_000)
  const second = await subject.stop()

  assert.equal(first.code, 0, first.output)
  assert.equal(second.code, 0, second.output)
  assertExact(first)
  assertExact(second)
  assert.deepEqual(
    [first, second].map(({ rows }) => [rows[0].accepted, rows[0].sent]),
    [
      [1000, 0],
      [1000, 1000],
    ],
  )
  assert.equal(sink.duplicates(1), 0)
})
