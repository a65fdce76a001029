/** How the buffer of the JSON reader, and of the translations, grows. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { MessageWriter } from '../../../src/otlp/json/message-writer.ts'

test('grows by a part of what it has, however little is asked for', () => {
  const out = new MessageWriter()
  let buffers = 0
  let last: Uint8Array = out.bytes
  out.start(1000)

  for (let i = 0; i < 8 << 10; i++) {
    assert.ok(out.reserve(0))
    if (out.bytes !== last) buffers++
    last = out.bytes
    out.pos += 1000
  }

  assert.ok(buffers < 30, `${buffers} buffers for ${out.pos} bytes`)
  assert.equal(out.take().length, 8_192_000)
})

test('keeps what was written, and has the room that was asked for', () => {
  const out = new MessageWriter()
  out.start(10)
  out.bytes[0] = 7
  out.pos = 1

  assert.ok(out.reserve(1 << 20))

  assert.ok(out.bytes.length - out.pos >= 1 << 20)
  assert.equal(out.bytes[0], 7)
})

test('says no to what no message can have', () => {
  const out = new MessageWriter()

  assert.equal(out.reserve(0x7fff_ffff + 1), false)
})
