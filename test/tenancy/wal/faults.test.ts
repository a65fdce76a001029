import assert from 'node:assert/strict'
import test from 'node:test'
import { type Fault, type FsOperation, MemoryFs } from './memory-fs.ts'
import { type Step, Trial } from './trial.ts'

/** Appends, several files, acknowledgements, reading, and a file that goes. */
const WORK: readonly Step[] = [
  { kind: 'burst', count: 5, bytes: 300 },
  { kind: 'append', bytes: 700 },
  ...many(6, { kind: 'take' }),
  { kind: 'read', which: 2 },
  ...many(4, { kind: 'acknowledge', which: 0 }),
  { kind: 'pass', ms: 20 },
  { kind: 'burst', count: 8, bytes: 400 },
  { kind: 'putBack', which: 1 },
  ...many(6, { kind: 'take' }),
  { kind: 'read', which: 1 },
  { kind: 'read', which: 4 },
  ...many(5, { kind: 'acknowledge', which: 0 }),
  { kind: 'pass', ms: 300 },
  { kind: 'append', bytes: 100 },
  { kind: 'pass', ms: 20_000 },
  { kind: 'burst', count: 3, bytes: 3000 },
]

const OPERATIONS: readonly FsOperation[] = [
  ...(['open', 'create', 'write', 'read', 'sync', 'syncFolder'] as const),
  ...(['truncate', 'remove', 'makeFolder', 'close'] as const),
]

function many(count: number, step: Step): Step[] {
  return Array.from({ length: count }, () => step)
}

async function work(trial: Trial, isOver = () => false): Promise<void> {
  for (const step of WORK) {
    if (isOver()) break
    await trial.step(step)
  }
}

async function callsOf(operation: FsOperation): Promise<number> {
  const trial = await Trial.begin({ segmentBytes: 2048 })
  trial.bench.fs.calls.clear()
  await work(trial)
  return trial.bench.fs.calls.get(operation) ?? 0
}

for (const operation of OPERATIONS) {
  for (const fault of faultsOf(operation)) {
    test(`loses nothing when one ${operation} fails with ${nameOf(fault)}, whichever it is`, async () => {
      const calls = await callsOf(operation)
      for (let n = 1; n <= calls; n++) {
        const fs = new MemoryFs()
        const trial = await Trial.begin({ fs, segmentBytes: 2048 })
        let seen = 0
        fs.fault = asked => (asked === operation && ++seen === n ? fault : null)
        await work(trial)
        fs.fault = () => null
        await trial.crash(n % 2 === 0 ? 'process' : 'power', n)
        await work(trial)
        assert.ok(trial.storedCount > 0)
      }
    })

    test(`loses nothing when every ${operation} fails with ${nameOf(fault)} from one on`, async () => {
      const calls = await callsOf(operation)
      for (let n = 1; n <= calls; n += 2) {
        const fs = new MemoryFs()
        const trial = await Trial.begin({ fs, segmentBytes: 2048 })
        let seen = 0
        fs.fault = asked => (asked === operation && ++seen >= n ? fault : null)
        await work(trial)
        // What could not be cut off again may be met again.
        trial.mayFailedAppear = operation === 'truncate' || operation === 'sync'
        fs.fault = () => null
        await trial.crash('process')
        await work(trial)
      }
    })
  }
}

for (const kind of ['process', 'power'] as const) {
  test(`loses nothing when the ${kind} ends at any moment`, async () => {
    const total = await totalCalls()
    for (let n = 0; n <= total; n++) {
      const fs = new MemoryFs()
      const trial = await Trial.begin({ fs, segmentBytes: 2048 })
      fs.diesAfter = n
      await work(trial, () => fs.isDead)
      assert.ok(fs.isDead || n === total)
      await trial.crash(kind, n)
      await trial.step({ kind: 'append', bytes: 100 })
      await trial.crash(kind, n + 1)
    }
  })
}

async function totalCalls(): Promise<number> {
  const trial = await Trial.begin({ segmentBytes: 2048 })
  trial.bench.fs.calls.clear()
  await work(trial)
  return [...trial.bench.fs.calls.values()].reduce((sum, calls) => sum + calls, 0)
}

function faultsOf(operation: FsOperation): readonly Fault[] {
  if (operation === 'write') {
    return [
      { code: 'EIO' },
      { code: 'ENOSPC', bytes: 100 },
      { code: 'EIO', bytes: 700 },
      { code: 'SHORT', bytes: 0 },
      { code: 'SHORT', bytes: 45 },
    ]
  }
  if (operation === 'read') return [{ code: 'EIO' }, { code: 'SHORT', bytes: 7 }]
  if (operation === 'create') return [{ code: 'EROFS' }, { code: 'ENOSPC' }, { code: 'EMFILE' }]
  return [{ code: 'EIO' }]
}

function nameOf({ code, bytes }: Fault): string {
  return bytes === undefined ? code : `${code} after ${bytes} bytes`
}
