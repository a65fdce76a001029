/** The byte budget: what may be reserved, when resident memory stops it, and how long a refused client is told to wait. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { ProcessMemory } from '../../src/pipeline/memory-budget.ts'
import { defaultLimitBytes } from '../../src/pipeline/memory-limit.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

const MIB = 1 << 20
const LIMITS = { limitBytes: 400 * MIB, spikeBytes: 80 * MIB, checkIntervalMs: 1000 }

function budget(rssMiB = 80) {
  const clock = new FakeClock()
  const rss = { mib: rssMiB }
  const memory = new ProcessMemory(LIMITS, clock, SILENT_LOGGER, () => rss.mib * MIB)
  memory.start()
  return { clock, rss, memory }
}

test('lets requests reserve what the soft limit leaves over the memory at rest', () => {
  const { memory } = budget(80)

  assert.equal(memory.roomBytes, 192 * MIB)
  assert.equal(memory.tryReserve(192 * MIB), true)
  assert.equal(memory.tryReserve(1), false)
  memory.free(1)
  assert.equal(memory.tryReserve(1), true)
})

test('what leaves the house by being reserved finds room while new requests take all there is', () => {
  const { memory } = budget(80)
  memory.tryReserve(192 * MIB)

  assert.equal(memory.tryReserve(8 * MIB), false)
  assert.equal(memory.tryReserve(8 * MIB, true), true)
  assert.equal(memory.tryReserve(17 * MIB, true), true)
  assert.equal(memory.tryReserve(1, true), false)
  memory.free(25 * MIB)
  assert.equal(memory.tryReserve(1), false)
})

test('takes nothing new while resident memory is over the soft limit', async () => {
  const { clock, rss, memory } = budget()
  memory.tryReserve(100 * MIB)

  rss.mib = 330
  await clock.advance(1000)
  assert.equal(memory.tryReserve(1), false)
  assert.equal(memory.isOverSoftLimit(0), true)
  assert.equal(memory.refusals, 1)

  rss.mib = 300
  await clock.advance(1000)
  assert.equal(memory.tryReserve(1), true)
})

test('lets a trickle through when resident memory stays high although nothing is in the house', async () => {
  const { clock, rss, memory } = budget()

  rss.mib = 500
  await clock.advance(1000)

  assert.equal(memory.isOverSoftLimit(0), false)
  assert.equal(memory.tryReserve(50 * MIB), true)
  assert.equal(memory.tryReserve(1), false)
  memory.free(50 * MIB)
  for (let i = 0; i < 20; i++) assert.equal(memory.tryReserve(MIB), true)
  assert.equal(memory.tryReserve(MIB), false)
})

test('shrinks the room while resident memory grows over the soft limit, and lets it grow again when it does not', async () => {
  const { clock, rss, memory } = budget()
  memory.tryReserve(100 * MIB)
  const look = async (mib: number): Promise<number> => {
    rss.mib = mib
    await clock.advance(250)
    return Math.round(memory.roomBytes / MIB)
  }

  assert.equal(await look(330), 70)
  assert.equal(await look(340), 49)
  assert.equal(await look(341), 51)
  assert.equal(await look(401), 20)
  assert.equal(await look(350), 20)
  assert.equal(await look(349), 22)
  assert.equal(await look(319), 41)
})

test('keeps a tenth of the limit for requests however much the process needs at rest', () => {
  const { memory } = budget(390)

  assert.equal(memory.roomBytes, 40 * MIB)
})

test('derives the delay from the rate at which reservations end', async () => {
  const { clock, memory } = budget(80)
  assert.equal(memory.retryAfterMs(), 1000)

  for (let i = 0; i < 40; i++) {
    memory.tryReserve(6 * MIB)
    memory.free(6 * MIB)
    await clock.advance(250)
  }

  // 24 MiB a second come free; a tenth of 192 MiB takes about 0.8 s.
  assert.ok(memory.retryAfterMs() > 650 && memory.retryAfterMs() < 1000, `${memory.retryAfterMs()}`)
})

test('follows the smallest of the limits that components ask for, and the default when none does', () => {
  const { memory } = budget()

  const first = memory.limitTo({ ...LIMITS, limitBytes: 800 * MIB })
  assert.equal(memory.limitBytes, 800 * MIB)
  const second = memory.limitTo({ ...LIMITS, limitBytes: 200 * MIB })
  assert.equal(memory.limitBytes, 200 * MIB)
  second()
  assert.equal(memory.limitBytes, 800 * MIB)
  first()
  assert.equal(memory.limitBytes, 400 * MIB)
})

test('takes half of a small container and at most 400 MiB of a large one', () => {
  assert.equal(defaultLimitBytes(512 * MIB), 256 * MIB)
  assert.equal(defaultLimitBytes(64_000 * MIB), 400 * MIB)
})
