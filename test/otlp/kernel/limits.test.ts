/** Requests at the edges of size: many tiny items, large payloads, and what they leave behind in memory. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import {
  END,
  isWireFault,
  MAX_ROWS,
  type RequestIndex,
  ROW,
  START,
} from '../../../src/otlp/request-index.ts'

const MILLION = 1_000_000

test('indexes a million empty spans', () => {
  const bytes = emptySpans(MILLION)

  const index = expectIndex(indexRequest('traces', bytes))

  assert.equal(index.items, MILLION)
  const spans = index.levels[2]
  const last = spans.subarray(spans.length - ROW)
  assert.deepEqual([...last], [bytes.length - 2, bytes.length, bytes.length, 0])
  assertSame(indexRequestReference('traces', bytes), index)
})

test('indexes a million empty resources', () => {
  const bytes = new Uint8Array(2 * MILLION)
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x0a

  const index = expectIndex(indexRequest('logs', bytes))

  assert.deepEqual([index.items, index.levels[0].length], [0, MILLION * ROW])
})

test('takes MAX_ROWS items and refuses one more', () => {
  const most = emptySpans(MAX_ROWS)
  const tooMany = emptySpans(MAX_ROWS + 1)

  assert.equal(expectIndex(indexRequest('traces', most)).items, MAX_ROWS)
  const fault = { fault: 'too_many_items', offset: tooMany.length - 2 }
  assert.deepEqual(indexRequest('traces', tooMany), fault)
  assert.deepEqual(indexRequestReference('traces', tooMany), fault)
})

test('indexes requests larger than the memory that is kept, and small ones after them', () => {
  const large = corpusRequest('traces', { items: 12_000 })
  const small = corpusRequest('metrics', { items: 3 })

  for (const bytes of [large, large]) {
    assertSame(indexRequest('traces', bytes), expectIndex(indexRequestReference('traces', bytes)))
  }
  assert.deepEqual(indexRequest('metrics', small), indexRequestReference('metrics', small))
})

test('leaves a request and its index alone when the next one comes', () => {
  const first = corpusRequest('logs', { items: 20, seed: 1 })
  const before = first.slice()
  const index = expectIndex(indexRequest('logs', first))
  const rows = index.levels.map(level => level.slice())

  indexRequest('logs', corpusRequest('logs', { items: 30, seed: 2 }))

  assert.deepEqual(first, before)
  assert.deepEqual(index.levels, rows)
})

test('reads a request that is a window into a larger buffer', () => {
  const bytes = corpusRequest('traces', { items: 3 })
  const around = new Uint8Array(bytes.length + 40).fill(0xff)
  around.set(bytes, 17)
  const window = around.subarray(17, 17 + bytes.length)

  const index = expectIndex(indexRequest('traces', window))

  assert.deepEqual(index, expectIndex(indexRequest('traces', bytes)))
  assert.deepEqual(indexRequestReference('traces', window), index)
  assert.equal(index.levels[0][END], bytes.length)
  assert.ok(index.levels[0][START] < 5)
})

test('lets the garbage collector take the memory of large requests', () => {
  const program = fileURLToPath(new URL('large-requests.ts', import.meta.url))

  const run = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', program], {
    encoding: 'utf8',
  })

  assert.equal(run.status, 0, run.stderr)
  const { whileRunning, afterwards } = JSON.parse(run.stdout) as Record<string, number>
  assert.ok(whileRunning > 64, `only ${whileRunning} MiB while running`)
  assert.ok(afterwards < 16, `${afterwards} MiB afterwards`)
})

/** One resource, one scope, `count` spans of two bytes. */
function emptySpans(count: number): Uint8Array {
  const spans = count * 2
  const scope = [0x12, ...varint(spans)]
  const head = [0x0a, ...varint(scope.length + spans), ...scope]
  const bytes = new Uint8Array(head.length + spans)
  bytes.set(head)
  for (let at = head.length; at < bytes.length; at += 2) bytes[at] = 0x12
  return bytes
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** Quicker than `deepEqual` by far, and able to say that millions of numbers differ. */
function assertSame(result: ReturnType<typeof indexRequest>, expected: RequestIndex): void {
  const { levels, items } = expectIndex(result)
  assert.equal(items, expected.items)
  for (const [level, rows] of expected.levels.entries()) {
    assert.ok(Buffer.from(rows.buffer).equals(Buffer.from(levels[level].buffer)), `level ${level}`)
  }
}

function expectIndex(result: ReturnType<typeof indexRequest>): RequestIndex {
  if (isWireFault(result)) assert.fail(`${result.fault} at ${result.offset}`)
  return result
}
