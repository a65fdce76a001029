/** Bad items among good ones: found, put aside with the reason, sent again by command; the rest goes on. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { promisify } from 'node:util'
import type { LetterView } from '../../src/core/queue-control.ts'
import { eventually, MAIN } from '../harness/process.ts'
import { assertExact, missing, Subject, startLoad, startSink, temporaryFolder } from './kit.ts'

const SPANS = 50
const REQUESTS = 100
/** Numbers of spans that the destination calls bad: two of them in one request. */
const POISON = [0, 1234, 1240, 4999]

async function queueCommand(subject: Subject, ...args: readonly string[]): Promise<string> {
  const command = [MAIN, 'queue', ...args, '--socket', subject.socket]
  return (await promisify(execFile)(process.execPath, command)).stdout
}

async function letters(subject: Subject): Promise<readonly LetterView[]> {
  const text = await queueCommand(subject, 'letters', 'ls', '--json')
  return (JSON.parse(text) as { letters: readonly LetterView[] }).letters
}

test('puts bad spans aside, delivers the others, and sends the bad ones again by command', async t => {
  const sink = await startSink(t)
  for (const number of POISON) sink.poison.set(1, number, 1)
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: { directory: temporaryFolder(t) },
  })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: SPANS, requests: REQUESTS })
  await load.done
  const bad = POISON.length
  const isSettled = () => missing(load.fates, sink, 1) === bad
  await eventually(isSettled, 20_000, 'all but the bad spans are delivered')

  const put = await letters(subject)
  await subject.kill()
  await subject.again()
  const kept = await letters(subject)

  const items = put.reduce((sum, letter) => sum + letter.items, 0)
  assert.equal(items, bad)
  assert.deepEqual(
    kept.map(({ id }) => id),
    put.map(({ id }) => id),
  )
  assert.deepEqual([...new Set(put.map(({ reason }) => reason))], ['bad_data'])
  for (const number of POISON) sink.poison.set(1, number, 0)
  await queueCommand(subject, 'letters', 'requeue', '--all')
  await eventually(() => missing(load.fates, sink, 1) === 0, 20_000, 'the bad spans are delivered')
  await eventually(async () => (await letters(subject)).length === 0, 10_000, 'no letter is left')
  assert.equal(sink.duplicates(1), 0)
  assertExact(await subject.stop())
})
