import test from 'node:test'
import fc from 'fast-check'
import { type FsOperation, MemoryFs } from './memory-fs.ts'
import { type Step, Trial } from './trial.ts'

const RUNS = 150
const MAX_STEPS = 60

const which = fc.nat(50)
const bytes = fc.oneof(fc.integer({ min: 4, max: 600 }), fc.integer({ min: 600, max: 5000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), bytes }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('burst' as const),
      count: fc.integer({ min: 2, max: 12 }),
      bytes,
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('putBack' as const), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 20, 500, 12_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      power: fc.boolean(),
      seed: fc.nat(),
    }),
  },
)
const steps = fc.array(step, { maxLength: MAX_STEPS })
const fsync = fc.constantFrom('always' as const, 'interval' as const, 'never' as const)
const segmentBytes = fc.constantFrom(512, 2048, 8192)

test('holds what the list holds, through crashes and power failures, under each policy', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fsync, segmentBytes, async (all, policy, size) => {
      const trial = await Trial.begin({ fsync: policy, segmentBytes: size })
      for (const each of all) await trial.step(each)
      await trial.crash('process')
    }),
    { numRuns: RUNS },
  )
})

const faulty = fc.array(
  fc.record({
    operation: fc.constantFrom<FsOperation>('write', 'sync', 'read', 'create', 'open', 'remove'),
    nth: fc.integer({ min: 1, max: 12 }),
    code: fc.constantFrom('EIO', 'ENOSPC', 'SHORT'),
    bytes: fc.nat(2000),
  }),
  { maxLength: 4 },
)

test('holds what the list holds while the disk fails now and then', async () => {
  await fc.assert(
    fc.asyncProperty(steps, faulty, segmentBytes, async (all, faults, size) => {
      const fs = new MemoryFs()
      const trial = await Trial.begin({ fs, segmentBytes: size })
      const left = faults.map(fault => ({ ...fault }))
      fs.fault = asked => {
        const due = left.find(fault => fault.operation === asked && --fault.nth === 0)
        if (due === undefined) return null
        const isTransfer = asked === 'write' || asked === 'read'
        const code = due.code === 'SHORT' && !isTransfer ? 'EIO' : due.code
        return isTransfer ? { code, bytes: due.bytes } : { code }
      }
      for (const each of all) await trial.step(each.kind === 'reopen' ? { kind: 'take' } : each)
      fs.fault = () => null
      await trial.crash('process')
    }),
    { numRuns: RUNS },
  )
})

test('holds what the list holds while the disk fills up and gets room again', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 500, max: 8000 }), async (all, capacity) => {
      const fs = new MemoryFs()
      const trial = await Trial.begin({ fs, segmentBytes: 2048 })
      for (const [i, each] of all.entries()) {
        trial.bench.fs.capacity = i % 20 < 10 ? capacity : Number.POSITIVE_INFINITY
        await trial.step(each)
      }
      trial.bench.fs.capacity = Number.POSITIVE_INFINITY
      await trial.crash('process')
    }),
    { numRuns: RUNS },
  )
})
