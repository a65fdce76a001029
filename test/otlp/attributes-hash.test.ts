/** The hash over attributes: one for a set, whatever its order, another for any other set. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashAttributes } from '../../src/otlp/attributes-hash.ts'
import { AttributesView } from '../../src/otlp/attributes-view.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'

type Value = (writer: Writer) => void

function hashOf(pairs: readonly (readonly [string, Value])[]): string {
  const writer = new Writer()
  for (const [key, value] of pairs) {
    writer.begin(1).string(1, key).begin(2)
    value(writer)
    writer.end().end()
  }
  const bytes = writer.finish()
  const view = new AttributesView(1)
  view.reset(bytes, 0, bytes.length)
  return Buffer.from(hashAttributes(view, bytes)).toString('hex')
}

const text =
  (value: string): Value =>
  writer =>
    writer.string(1, value)

test('no attributes are sixteen zeros', () => {
  assert.equal(hashOf([]), '0'.repeat(32))
})

test('the order of attributes is of no account', () => {
  const a = ['a', text('1')] as const
  const b = ['b', text('2')] as const

  assert.equal(hashOf([a, b]), hashOf([b, a]))
})

test('values that look alike are told apart by their kind', () => {
  const values: Value[] = [
    text('1'),
    writer => writer.varint(3, 1),
    writer => writer.double(4, 1),
    writer => writer.bool(2, true),
    writer => writer.bytes(7, Buffer.from('1')),
    writer => writer.begin(5).begin(1).string(1, '1').end().end(),
    () => {},
  ]

  const hashes = values.map(value => hashOf([['k', value]]))

  assert.equal(new Set(hashes).size, values.length)
})

test('a key and its value are not mixed up', () => {
  assert.notEqual(hashOf([['ab', text('c')]]), hashOf([['a', text('bc')]]))
})
