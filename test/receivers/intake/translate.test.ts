/** Translating within the memory budget: what is reserved while it goes on, and what is left of it afterwards. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ReservedRoom } from '../../../src/receivers/intake/room.ts'
import { translate, translateInPlace } from '../../../src/receivers/intake/translate.ts'
import { isStatus } from '../../../src/receivers/intake/unpack.ts'
import { CountingMemory } from '../../../src/testing/fakes.ts'
import type { TranslateFault } from '../../../src/translate/fault.ts'

function start(limitBytes: number, answer: Uint8Array | TranslateFault) {
  const memory = new CountingMemory(limitBytes)
  const room = new ReservedRoom(memory)
  let peak = 0
  const read = () => {
    peak = memory.reservedBytes
    return answer
  }
  const body = room.reserve(100) as Uint8Array
  return { memory, room, body, format: { title: 'Foreign', read }, peak: () => peak }
}

test('reserves what readers work with, and keeps what the request takes', () => {
  const { memory, room, body, format, peak } = start(1000, new Uint8Array(130))

  const request = translate(room, format, body)

  assert.ok(!isStatus(request) && request.length === 130)
  assert.equal(peak(), 400)
  assert.equal(memory.reservedBytes, 230)
})

test('gives the body back when it stands in its place', () => {
  const { memory, room, body, format } = start(1000, new Uint8Array(130))

  translateInPlace(room, format, body)

  assert.equal(memory.reservedBytes, 130)
})

test('reserves more for a request that is longer than anybody thought, or answers busy', () => {
  const fits = start(1000, new Uint8Array(700))
  const full = start(700, new Uint8Array(700))

  const taken = translateInPlace(fits.room, fits.format, fits.body)
  const away = translateInPlace(full.room, full.format, full.body)

  assert.ok(!isStatus(taken))
  assert.equal(fits.memory.reservedBytes, 700)
  assert.ok(isStatus(away) && away.retryDelayMs === 1000)
  assert.equal(full.memory.reservedBytes, 0)
})

test('does not begin without memory', () => {
  const { memory, room, body, format, peak } = start(399, new Uint8Array(1))

  const away = translateInPlace(room, format, body)

  assert.ok(isStatus(away) && away.retryDelayMs === 1000)
  assert.equal(peak(), 0)
  assert.equal(memory.reservedBytes, 0)
})

test('says what is wrong and where, and that reading it was work', () => {
  const fault = { fault: 'value', offset: 7, message: 'spans[0].id: expected an id' } as const
  const { memory, room, body, format } = start(1000, fault)
  const large = start(1000, { ...fault, fault: 'too_large' })

  const wrong = translateInPlace(room, format, body)
  const tooLarge = translateInPlace(large.room, large.format, large.body)

  assert.deepEqual(wrong, {
    code: 3,
    message: 'The request is not valid Foreign: spans[0].id: expected an id (byte 7).',
    violations: [{ field: 'byte 7', description: 'spans[0].id: expected an id' }],
    workBytes: 100,
  })
  assert.ok(isStatus(tooLarge) && tooLarge.code === 8 && tooLarge.http === 413)
  assert.equal(memory.reservedBytes, 0)
})
