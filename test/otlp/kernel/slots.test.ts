/** Property tests of the slot scanner: the kernel finds what its twin finds, and both what a whole decode says stands there. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import * as layout from '../../../src/otlp/kernel/slot-layout.ts'
import {
  compileSlotTable,
  type SlotRows,
  scanSlots,
  type WantedSlot,
} from '../../../src/otlp/kernel/slots.ts'
import { scanReference } from '../../../src/otlp/kernel/slots-reference.ts'
import {
  END,
  isWireFault,
  PARENT,
  type RequestIndex,
  ROW,
  START,
  TAG,
} from '../../../src/otlp/request-index.ts'
import { type FieldKind, MESSAGES } from '../../../src/otlp/schema.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import { arbitraryRequest, decodeRequest, type Model } from '../request-models.ts'
import { randomRequest } from './random-request.ts'

const POINTS = [
  'NumberDataPoint',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
]
const LEVELS: readonly (readonly [Signal, number, readonly string[]])[] = [
  ['traces', 0, ['ResourceSpans']],
  ['traces', 1, ['ScopeSpans']],
  ['traces', 2, ['Span']],
  ['logs', 0, ['ResourceLogs']],
  ['logs', 1, ['ScopeLogs']],
  ['logs', 2, ['LogRecord']],
  ['metrics', 0, ['ResourceMetrics']],
  ['metrics', 1, ['ScopeMetrics']],
  ['metrics', 2, ['Metric']],
  ['metrics', 4, POINTS],
]
const CHILDREN: Readonly<Record<Signal, readonly (readonly string[])[]>> = {
  traces: [['resourceSpans'], ['scopeSpans'], ['spans']],
  logs: [['resourceLogs'], ['scopeLogs'], ['logRecords']],
  metrics: [
    ['resourceMetrics'],
    ['scopeMetrics'],
    ['metrics'],
    ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
    ['dataPoints'],
  ],
}
const KEYS = [
  '',
  'a',
  'http.request.method',
  'größe',
  '日本語',
  '🙂',
  'x'.repeat(15),
  'z'.repeat(33),
]
const LITERALS = ['', 'a', 'http.request.method', '日本語', 'y'.repeat(16), 'v'.repeat(300)]

for (const [signal, level, messages] of LEVELS) {
  test(`finds in ${messages[0]} what a whole decode says`, () => {
    fc.assert(
      fc.property(arbitraryRequest(signal), fc.infiniteStream(fc.boolean()), (request, coins) => {
        const model = decodeRequest(signal, request.bytes)
        const rows = rowsOf(signal, level, model)
        const keys = [...new Set([...KEYS, ...rows.flatMap(keysIn)])]
        const wanted = allWanted(messages, keys).filter(() => coins.next().value)
        const table = compileSlotTable(signal, level, wanted)

        const slots = scanSlots(table, request.bytes, indexOf(signal, request.bytes))

        assert.equal(request.index.levels[level].length / ROW, rows.length)
        for (const [i, row] of rows.entries()) {
          const got = wanted.map((_, slot) => readSlot(request.bytes, slots, i, slot))
          assert.deepEqual(
            got,
            wanted.map(each => expected(row, each, kindOf(messages, each.path))),
          )
        }
      }),
      { numRuns: 150 },
    )
  })

  test(`agrees with its twin on odd encodings of ${messages[0]}`, () => {
    const wanted = allWanted(messages, KEYS).map((each, i) => ({
      ...each,
      literals: LITERALS,
      hash: i % 2 === 0,
    }))
    const table = compileSlotTable(signal, level, wanted)
    for (let seed = 0; seed < 400; seed++) {
      const { bytes } = randomRequest(signal, seed)
      const index = indexOf(signal, bytes)
      const words = new Int32Array((index.levels[level].length / ROW) * table.slots * layout.SLOT)
      scanReference(table, bytes, rowWords(table, bytes, index), words)

      const inPlace = scanSlots(table, bytes, index)
      assert.deepEqual(allWords(inPlace, index, level), words)

      indexOf('logs', new Uint8Array(0))
      const copied = scanSlots(table, bytes, index)
      assert.deepEqual(allWords(copied, index, level), words)
    }
  })
}

test('merges a body that comes twice', () => {
  const log = field('2a', '0a0131') + field('2a', '')
  const bytes = Buffer.from(field('0a', field('12', field('12', log))), 'hex')
  const table = compileSlotTable('logs', 2, [{ path: ['body'] }])

  const rows = scanSlots(table, bytes, indexOf('logs', bytes))

  assert.equal(readSlot(bytes, rows, 0, 0), '1')
})

test('takes the first of equal keys and the last of equal members', () => {
  const attribute = (key: string, value: string) =>
    field('4a', field('0a', key) + field('12', value))
  const span =
    attribute('6b', '0a0131') + attribute('6b', '0a0132') + attribute('6c', '0a0131' + '1805')
  const bytes = Buffer.from(field('0a', field('12', field('12', span))), 'hex')
  const table = compileSlotTable('traces', 2, [
    { path: ['attributes'], key: 'k' },
    { path: ['attributes'], key: 'l' },
  ])

  const rows = scanSlots(table, bytes, indexOf('traces', bytes))

  assert.deepEqual(readSlot(bytes, rows, 0, 0), '1')
  assert.deepEqual(readSlot(bytes, rows, 0, 1), 5n)
})

test('says which literal a text is and hashes as JavaScript does', () => {
  const wanted: WantedSlot[] = [{ path: ['name'], literals: LITERALS, hash: true }]
  const table = compileSlotTable('traces', 2, wanted)
  for (const text of [...LITERALS, 'b', 'ab', 'abc', 'abcd', 'v'.repeat(299), 'w'.repeat(300)]) {
    const name = Buffer.from(text)
    const bytes = Buffer.from(
      field('0a', field('12', field('12', field('2a', name.toString('hex'))))),
      'hex',
    )

    const rows = scanSlots(table, bytes, indexOf('traces', bytes))

    const at = rows.at(0)
    assert.equal(rows.words[at] >>> layout.LITERAL_SHIFT, LITERALS.indexOf(text) + 1)
    assert.equal(rows.words[at + layout.SLOT_HASH], layout.hashText(name, 0, name.length))
  }
})

test('reads the rows of large requests in windows, in any order', () => {
  for (const signal of SIGNALS) {
    const bytes = corpusRequest(signal, { items: 9000 })
    const index = indexOf(signal, bytes)
    const level = signal === 'metrics' ? 4 : 2
    const table = compileSlotTable(signal, level, [{ path: ['attributes'], key: 'http.route' }])
    const whole = new Int32Array(index.items * layout.SLOT)
    scanReference(table, bytes, rowWords(table, bytes, index), whole)
    const rows = scanSlots(table, bytes, index)

    for (const row of [0, 8999, 4500, 511, 512, 513, 7000, 1]) {
      const at = rows.at(row)
      assert.deepEqual(rows.words.slice(at, at + layout.SLOT), whole.slice(row * 4, row * 4 + 4))
    }
    assert.ok(rows.words.length <= 65_536)
  }
})

test('keeps little memory after a large request', () => {
  const program = fileURLToPath(new URL('large-scans.ts', import.meta.url))

  const run = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', program], {
    encoding: 'utf8',
  })

  assert.equal(run.status, 0, run.stderr)
  const { request, afterwards } = JSON.parse(run.stdout) as Record<string, number>
  assert.ok(request > 16, `only ${request} MiB`)
  assert.ok(afterwards < 16, `${afterwards} MiB afterwards`)
})

test('refuses fields that no message of the level has, and one value wanted twice', () => {
  assert.throws(() => compileSlotTable('traces', 2, [{ path: ['severityText'] }]), /severityText/)
  assert.throws(() => compileSlotTable('traces', 2, [{ path: ['name'], key: 'x' }]), /name/)
  assert.throws(
    () => compileSlotTable('traces', 2, [{ path: ['name'] }, { path: ['name'] }]),
    /twice/,
  )
})

function indexOf(signal: Signal, bytes: Uint8Array): RequestIndex {
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(JSON.stringify(index))
  return index
}

function allWords(rows: SlotRows, index: RequestIndex, level: number): Int32Array {
  const words: number[] = []
  for (let row = 0; row < index.levels[level].length / ROW; row++) {
    const at = rows.at(row)
    words.push(...rows.words.subarray(at, at + rows.table.slots * layout.SLOT))
  }
  return Int32Array.from(words)
}

function rowWords(
  { level, root, pointRoots }: ReturnType<typeof compileSlotTable>,
  bytes: Uint8Array,
  index: RequestIndex,
): Int32Array {
  const rows = index.levels[level]
  const words: number[] = []
  for (let at = 0; at < rows.length; at += ROW) {
    const data = level === 4 ? index.levels[3][rows[at + PARENT] * ROW + TAG] : 0
    words.push(rows[at + START], rows[at + END])
    words.push(level === 4 ? pointRoots[(bytes[data] & 0x7f) >> 3] : root)
  }
  return Int32Array.from(words)
}

/** Every scalar, text and AnyValue of the messages, their plain submessages included, and some keys of every map. */
function allWanted(messages: readonly string[], keys: readonly string[]): WantedSlot[] {
  const found = new Map<string, WantedSlot>()
  const add = (wanted: WantedSlot) => found.set(JSON.stringify(wanted), wanted)
  const visit = (name: string, path: readonly string[]) => {
    for (const field of MESSAGES.get(name)!.fields) {
      const next = [...path, field.name]
      if (field.type === 'KeyValue') for (const key of keys) add({ path: next, key })
      else if (field.repeated) continue
      else if (field.kind !== 'message' || field.type === 'AnyValue') add({ path: next })
      else if (path.length < 2) visit(field.type, next)
    }
  }
  for (const name of messages) visit(name, [])
  return [...found.values()]
}

function rowsOf(signal: Signal, level: number, request: Model): Model[] {
  return CHILDREN[signal]
    .slice(0, level + 1)
    .reduce(
      (models, names) =>
        models.flatMap(model =>
          names.flatMap(name =>
            [model[name] ?? []]
              .flat()
              .map((child: Model) => Object.assign(child, { kindOf: name })),
          ),
        ),
      [request],
    )
}

function keysIn(model: Model): string[] {
  const maps = [
    model.attributes,
    model.resource?.attributes,
    model.scope?.attributes,
    model.metadata,
  ]
  return maps.flatMap(map => map ?? []).map((pair: Model) => pair.key ?? '')
}

function expected(row: Model, { path, key }: WantedSlot, kind: FieldKind): unknown {
  const value = path.reduce((model: Model, name) => model?.[name], row)
  if (key !== undefined) {
    const pair = (value ?? []).find((each: Model) => (each.key ?? '') === key)
    return pair === undefined ? 'absent' : anyValue(pair.value)
  }
  if (value === undefined) return 'absent'
  return kind === 'message' ? anyValue(value) : scalar(value, kind)
}

function kindOf(messages: readonly string[], path: readonly string[]): FieldKind {
  for (const name of messages) {
    let message = MESSAGES.get(name)
    const fields = path.map(step => {
      const field = message?.fields.find(each => each.name === step)
      message = MESSAGES.get(field?.type ?? '')
      return field
    })
    const last = fields.at(-1)
    if (last !== undefined) return last.kind
  }
  throw new Error(path.join('.'))
}

function anyValue(value: Model | undefined): unknown {
  const [name, content] = Object.entries(value ?? {})[0] ?? ['empty']
  if (name === 'arrayValue' || name === 'kvlistValue') return name
  if (name === 'empty' || name === 'stringValueStrindex') return 'empty'
  return scalar(content, MESSAGES.get('AnyValue')!.fields.find(each => each.name === name)!.kind)
}

function scalar(value: unknown, kind: FieldKind): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (kind === 'string' || kind === 'bool') return value
  return kind === 'double' ? { double: value } : BigInt.asIntN(64, BigInt(value as string | number))
}

function readSlot(bytes: Uint8Array, rows: SlotRows, row: number, slot: number): unknown {
  const at = rows.at(row) + slot * layout.SLOT
  const [type, a, b] = rows.words.subarray(at, at + 3)
  const content = Buffer.from(bytes.subarray(a, a + b))
  switch (type & layout.TYPE_MASK) {
    case layout.ABSENT:
      return 'absent'
    case layout.TEXT:
      return content.toString()
    case layout.BYTES:
      return content.toString('hex')
    case layout.BOOL:
      return a === 1
    case layout.INT:
      return (BigInt(b) << 32n) | BigInt(a >>> 0)
    case layout.DOUBLE:
      return { double: Buffer.from(Int32Array.of(a, b).buffer).readDoubleLE() }
    case layout.ARRAY:
      return 'arrayValue'
    case layout.MAP:
      return 'kvlistValue'
    default:
      return 'empty'
  }
}

/** A field whose tag is `tag`, around hex digits. */
function field(tag: string, hex: string): string {
  let length = hex.length / 2
  let prefix = ''
  for (; length > 0x7f; length >>>= 7) prefix += ((length & 0x7f) | 0x80).toString(16)
  return tag + prefix + length.toString(16).padStart(2, '0') + hex
}
