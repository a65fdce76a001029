/** Records come out of a stream as they went in, however the stream is cut into chunks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cut, createSplitter } from '../../../src/receivers/otlp-json-file/splitter.ts'
import { framed } from './kit.ts'

const MAX_BYTES = 40

const lines = fc.array(fc.stringMatching(/^[ -~]{0,60}$/), { maxLength: 30 })
const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })

function split(layout: 'lines' | 'lengths', bytes: Buffer, sizes: readonly number[]) {
  const splitter = createSplitter(layout, 0, MAX_BYTES)
  const found: (Cut & { text?: string })[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const chunk = Buffer.from(bytes.subarray(at, at + sizes[i % sizes.length]))
    at += chunk.length
    splitter.push(chunk)
    chunk.fill(0)
    for (let cut = splitter.next(); cut !== null; cut = splitter.next()) {
      found.push(cut.kind === 'record' ? { ...cut, text: cut.bytes.toString() } : cut)
      if (cut.kind === 'broken') return { found, splitter }
    }
  }
  return { found, splitter }
}

test('cuts lines at their ends and passes over what is too long', () => {
  fc.assert(
    fc.property(lines, cuts, (texts, sizes) => {
      const bytes = Buffer.from(texts.map(text => `${text}\n`).join(''))
      const { found, splitter } = split('lines', bytes, sizes)

      const expected = texts.filter(text => text !== '')
      assert.deepEqual(
        found.map(cut => (cut.kind === 'record' ? cut.text : cut.kind)),
        expected.map(text => (text.length > MAX_BYTES ? 'oversize' : text)),
      )
      assert.equal(splitter.rest.length, 0)
      if (texts.at(-1) !== '') assert.equal(splitter.position, bytes.length)
    }),
  )
})

test('cuts by lengths, and says where there is none', () => {
  fc.assert(
    fc.property(lines, cuts, (texts, sizes) => {
      const bytes = Buffer.concat(texts.map(text => framed(Buffer.from(text))))
      const { found } = split('lengths', bytes, sizes)

      const broken = texts.findIndex(text => text.length > MAX_BYTES)
      const whole = (broken < 0 ? texts : texts.slice(0, broken)).filter(text => text !== '')
      assert.deepEqual(
        found.filter(cut => cut.kind === 'record').map(({ text }) => text),
        whole,
      )
      assert.equal(
        found.some(cut => cut.kind === 'broken'),
        broken >= 0,
      )
    }),
  )
})

test('gives the position behind each record', () => {
  const { found } = split('lines', Buffer.from('ab\r\n\ncd\n'), [3])

  assert.deepEqual(
    found.map(cut => cut.kind === 'record' && [cut.text, cut.end]),
    [
      ['ab', 4],
      ['cd', 8],
    ],
  )
})

test('keeps what has no end', () => {
  const { splitter } = split('lines', Buffer.from('ab\ncd'), [2])

  assert.equal(splitter.rest.toString(), 'cd')
  assert.equal(splitter.position, 3)
})
