/** What `adaptive_sampler` has learned, and what it has not decided yet, survives the end of the process. */
import assert from 'node:assert/strict'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ACCEPTED } from '../../../src/core/outcome.ts'
import { StateFile } from '../../../src/processors/adaptive-sampler/state-file.ts'
import { partOf, request } from '../../sampler/assembly/spans.ts'
import { shopTrace, startSampler, traceId } from './kit.ts'

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-sampler-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('what was learned comes back, under the same names', async t => {
  const directory = folder(t)
  const first = await startSampler(t, { storage: { directory } })
  for (let n = 0; n < 3000; n++) {
    first.send(shopTrace(n))
    if (n % 500 === 499) await first.clock.advance(1000)
  }
  await first.finish()

  const second = await startSampler(t, { storage: { directory } })
  second.send(shopTrace(10_000, { slow: 90_000 }))
  await second.decide()

  const [decision] = second.control.explain(traceId(10_000))
  assert.equal(decision.evidence?.key, 'payment charge (server): own time')
  assert.ok(decision.evidence.surprise > 1.5, JSON.stringify(decision))
  assert.equal(second.control.view().warmingUp, false)
  await second.finish()
})

test('a state that is too old, cut or of another kind is left alone', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, max_age: '1h' } }
  const first = await startSampler(t, settings)
  for (let n = 0; n < 3000; n++) {
    first.send(shopTrace(n))
    if (n % 500 === 499) await first.clock.advance(1000)
  }
  await first.finish()
  const [name] = readdirSync(directory)

  truncateSync(join(directory, name), 1000)
  const second = await startSampler(t, settings)
  assert.equal(second.control.view().warmingUp, true)
  await second.processor.stop(AbortSignal.abort())

  writeFileSync(join(directory, name), 'something else')
  const third = await startSampler(t, settings)
  assert.equal(third.control.view().warmingUp, true)
})

test('the state is written from time to time', async t => {
  const directory = folder(t)
  const sampler = await startSampler(t, { storage: { directory, interval: '10s' } })

  await sampler.clock.advance(10_000)
  for (let i = 0; i < 100 && sampler.control.view().savedAtMs === 0; i++) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }

  assert.deepEqual(readdirSync(directory), ['adaptive_sampler.state'])
  assert.equal(sampler.meter.total('millrace_sampler_state_writes'), 1)
})

test('undecided traces are decided after a restart, decided ones are not decided again', async t => {
  const directory = folder(t)
  const settings = {
    storage: { directory, undecided: true },
    always_keep: ['true'],
  }
  const first = await startSampler(t, settings)
  assert.equal(await first.sendParts([partOf(request(shopTrace(1)))]), ACCEPTED)
  await first.decide()
  assert.equal(first.next.items, 3)
  assert.equal(await first.sendParts([partOf(request(shopTrace(2).slice(1)))]), ACCEPTED)
  await first.clock.advance(1000)
  await first.finish()
  assert.equal(first.next.items, 0)

  const second = await startSampler(t, settings)
  assert.equal(second.control.view().spansHeld, 2)
  await second.sendParts([partOf(request(shopTrace(2).slice(0, 1)))])
  await second.decide()

  assert.deepEqual([...second.keptTraces()], [traceId(2)])
  assert.equal(second.next.items, 3)
  await second.finish()
  const third = await startSampler(t, settings)
  assert.equal(third.control.view().spansHeld, 0)
})

test('a journal whose end is missing gives back what is whole', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, undecided: true } }
  const first = await startSampler(t, settings)
  for (const n of [1, 2]) await first.sendParts([partOf(request(shopTrace(n)))])
  await first.processor.stop(new AbortController().signal)
  const [segment] = readdirSync(directory).filter(name => name.includes('journal'))
  const size = (await import('node:fs')).statSync(join(directory, segment)).size
  truncateSync(join(directory, segment), size - 5)

  const second = await startSampler(t, settings)

  assert.equal(second.control.view().tracesHeld, 1)
  await second.processor.stop(AbortSignal.abort())
})

test('a successor in the same process takes over what was learned, and leaves to its predecessor what that holds', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, undecided: true }, always_keep: ['true'] }
  const first = await startSampler(t, settings)
  for (let n = 0; n < 3000; n++) {
    await first.sendParts([partOf(request(shopTrace(n)))])
    if (n % 500 === 499) await first.clock.advance(1000)
  }
  await first.decide()
  await first.sendParts([partOf(request(shopTrace(9000)))])

  const second = await startSampler(t, settings)
  assert.equal(second.control.view().spansHeld, 0)
  await second.sendParts([partOf(request(shopTrace(9001, { slow: 90_000 })))])
  await first.finish()
  await second.decide()

  assert.ok(!second.keptTraces().has(traceId(9000)))
  const [decision] = second.control.explain(traceId(9001))
  assert.equal(decision.evidence?.key, 'payment charge (server): own time')
  await second.finish()
  const third = await startSampler(t, settings)
  assert.equal(third.control.view().spansHeld, 0)
})

test('spans that were passed on at once do not come again after a restart', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, undecided: true } }
  const first = await startSampler(t, settings)
  await first.sendParts([partOf(request([{ trace: '', name: 'lost' }, ...shopTrace(1)]))])
  assert.equal(first.next.items, 1)
  await first.finish()

  const second = await startSampler(t, settings)
  assert.equal(second.next.items, 0)
  assert.equal(second.control.view().spansHeld, 3)
  await second.finish()
})

test('spans that came after the decision of their trace are not lost with the process', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, undecided: true }, always_keep: ['true'] }
  const first = await startSampler(t, settings)
  await first.sendParts([partOf(request(shopTrace(1).slice(0, 2)))])
  await first.decide()
  await first.sendParts([partOf(request(shopTrace(1).slice(2)))])
  await first.finish()

  const second = await startSampler(t, settings)
  assert.equal(second.control.view().spansHeld, 1)
  await second.finish()
})

test('what has left is noted at once, so that a killed process sends it once', async t => {
  const directory = folder(t)
  const copy = folder(t)
  const settings = { undecided: true, interval: '1h' }
  const always_keep = ['true']
  const first = await startSampler(t, { storage: { directory, ...settings }, always_keep })
  await first.sendParts([partOf(request(shopTrace(1)))])
  while (first.next.items === 0) await first.clock.advance(25)
  await first.clock.advance(25)
  await new Promise(resolve => setTimeout(resolve, 50))
  cpSync(directory, copy, { recursive: true })
  rmSync(join(copy, 'adaptive_sampler.lock'))

  const second = await startSampler(t, { storage: { directory: copy, ...settings }, always_keep })
  assert.equal(second.control.view().spansHeld, 0)
  await second.finish()
  await first.finish()
})

test('a folder in which another process keeps its traces is left to it', async t => {
  const directory = folder(t)
  const settings = { storage: { directory, undecided: true } }
  const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(directory, 'adaptive_sampler.lock'), `${process.ppid} ${started}`)
  await assert.rejects(startSampler(t, settings), /another process/)

  writeFileSync(join(directory, 'adaptive_sampler.lock'), `${process.ppid} 1`)
  const sampler = await startSampler(t, settings)
  // Who could not start writes nothing any more.
  assert.deepEqual(readdirSync(directory), ['adaptive_sampler.lock'])
  await sampler.finish()
  assert.ok(!readdirSync(directory).includes('adaptive_sampler.lock'))
})

test('a state that is missing is told from one that cannot be used', async t => {
  const directory = folder(t)
  const file = new StateFile(directory, 'adaptive_sampler')
  assert.equal(await file.read(), 'missing')

  await file.write(1, new Map([['names', Uint8Array.of(1, 2, 3)]]))
  const whole = readFileSync(file.path)
  const changed = Buffer.from(whole)
  changed[changed.length - 1] ^= 1
  for (const bytes of [whole.subarray(0, -1), changed, Buffer.alloc(0), Buffer.alloc(100)]) {
    writeFileSync(file.path, bytes)
    assert.equal(await file.read(), 'unusable')
  }
})

test('a state whose head is no head is left alone', async t => {
  const directory = folder(t)
  for (const text of ['{"format":1,"savedAtMs":1}', '{"format":1,"blocks":[null]}', '7']) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(text.length)
    writeFileSync(
      join(directory, 'adaptive_sampler.state'),
      Buffer.concat([length, Buffer.from(text)]),
    )
    const sampler = await startSampler(t, { storage: { directory } })
    assert.equal(sampler.control.view().warmingUp, true)
    await sampler.processor.stop(AbortSignal.abort())
    rmSync(join(directory, 'adaptive_sampler.state'))
  }
})
