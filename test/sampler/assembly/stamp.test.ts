/** What is written into kept spans: thresholds, added fields; and that all else stays. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FieldCursor } from '../../../src/otlp/wire-reader.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import { OtReader } from '../../../src/sampler/assembly/ot-reader.ts'
import { STAMP_ERASE, STAMP_THRESHOLD, type Stamp } from '../../../src/sampler/assembly/stamp.ts'
import {
  TRACE_EXPLICIT_RANDOMNESS,
  TRACE_THRESHOLD,
  TRACE_THRESHOLD_MIXED,
} from '../../../src/sampler/assembly/traces.ts'
import { formatThreshold } from '../../../src/sampler/threshold.ts'
import { TraceState } from '../../../src/sampler/trace-state.ts'
import { allHandles, assembly, handleOf, readBatches, spanBytes, type TestSpan } from './spans.ts'

const LOW_28 = (1n << 28n) - 1n

/** The trace state and all other fields (hex) of each span after it was stamped. */
function stamped(spans: readonly TestSpan[], fill: (stamp: Stamp) => void) {
  const a = assembly()
  a.take(spans)
  const handles = allHandles(a)
  const batches = a.emit(handles, handles.length, {
    maxItems: 2,
    stamp: (_handle, stamp) => fill(stamp),
  })
  return readBatches(batches).map(({ span }) => apart(Buffer.from(span, 'hex')))
}

function apart(span: Uint8Array): { state: string; rest: string } {
  const fields = new FieldCursor(span)
  let state = ''
  let rest = ''
  while (fields.next()) {
    if (fields.number === 3) state = Buffer.from(span.subarray(fields.start, fields.end)).toString()
    else rest += Buffer.from(span.subarray(fields.tag, fields.end)).toString('hex')
  }
  return { state, rest }
}

function setThreshold(stamp: Stamp, threshold: bigint): void {
  stamp.mode = STAMP_THRESHOLD
  stamp.thresholdHigh = Number(threshold >> 28n)
  stamp.thresholdLow = Number(threshold & LOW_28)
}

test('a threshold is written where none was, and nothing else changes', () => {
  const spans = [
    { trace: 'a', id: '1', name: 'one' },
    { trace: 'a', id: '2', name: 'two', state: 'vendor=x' },
    { trace: 'a', id: '3', name: 'three', state: 'ot=rv:00000000000001;k:v,vendor=x' },
  ]
  const sent = stamped(spans, stamp => setThreshold(stamp, 0xe6666666666666n))

  assert.deepEqual(
    sent.map(({ state }) => state),
    [
      'ot=th:e6666666666666',
      'ot=th:e6666666666666,vendor=x',
      'ot=rv:00000000000001;th:e6666666666666;k:v,vendor=x',
    ],
  )
  assert.deepEqual(
    sent.map(({ rest }) => rest),
    spans.map(span => apart(spanBytes(span)).rest),
  )
})

test('a threshold is never lowered', () => {
  const spans = [
    { trace: 'a', id: '1', state: 'ot=th:f' },
    { trace: 'a', id: '2', state: 'ot=th:8' },
    { trace: 'a', id: '3', state: 'ot=th:c,a=b' },
  ]
  const sent = stamped(spans, stamp => setThreshold(stamp, 0xcn << 52n))
  assert.deepEqual(
    sent.map(({ state }) => state),
    ['ot=th:f', 'ot=th:c', 'ot=th:c,a=b'],
  )
})

test('an unknown probability takes the threshold away, other entries stay', () => {
  const spans = [
    { trace: 'a', id: '1', state: 'ot=th:8;k:v,x=y' },
    { trace: 'a', id: '2', state: 'ot=th:8' },
    { trace: 'a', id: '3' },
    { trace: 'a', id: '4', state: 'x=y' },
  ]
  const sent = stamped(spans, stamp => {
    stamp.mode = STAMP_ERASE
  })
  assert.deepEqual(
    sent.map(({ state }) => state),
    ['ot=k:v,x=y', '', '', 'x=y'],
  )
})

test('a state that cannot be read gives way', () => {
  const sent = stamped([{ trace: 'a', state: 'no state at all' }], stamp => setThreshold(stamp, 0n))
  assert.equal(sent[0].state, 'ot=th:0')
})

test('an ot entry that cannot be read goes, entries of others stay', () => {
  const spans = [
    { trace: 'a', id: '1', state: 'x=y,ot=th:8;rv:bad,z=1' },
    { trace: 'a', id: '2', state: 'ot=th:f;rv:bad' },
    { trace: 'a', id: '3', state: 'x=y,ot=no' },
  ]
  const kept = stamped(spans, stamp => setThreshold(stamp, 0xcn << 52n))
  assert.deepEqual(
    kept.map(({ state }) => state),
    ['ot=th:c,x=y,z=1', 'ot=th:f', 'ot=th:c,x=y'],
  )
  const erased = stamped(spans, stamp => {
    stamp.mode = STAMP_ERASE
  })
  assert.deepEqual(
    erased.map(({ state }) => state),
    ['x=y,z=1', '', 'x=y'],
  )
})

test('a threshold that stands twice is not known: it goes, no other takes its place, the rest stays', () => {
  const spans = [
    { trace: 'a', id: '1', state: 'ot=th:8;k:v;th:c,x=y' },
    { trace: 'a', id: '2', state: 'ot=th:8;th:8' },
    { trace: 'a', id: '3', state: 'ot=th:8,x=y,ot=k:v' },
    { trace: 'a', id: '4', state: 'ot=th:8;th:c;rv:bad,x=y' },
    { trace: 'a', id: '5', state: 'x=y,ot=th:zz' },
  ]
  const without = ['ot=k:v,x=y', '', 'ot=k:v,x=y', 'x=y', 'x=y']

  const kept = stamped(spans, stamp => setThreshold(stamp, 0xcn << 52n))
  const erased = stamped(spans, stamp => {
    stamp.mode = STAMP_ERASE
  })

  assert.deepEqual(
    kept.map(({ state }) => state),
    without,
  )
  assert.deepEqual(
    erased.map(({ state }) => state),
    without,
  )
})

test('a randomness that stands twice is not known, and goes', () => {
  const rv = (digit: string) => `rv:${digit.repeat(14)}`
  const spans = [
    { trace: 'a', id: '1', state: `ot=${rv('1')};th:8;${rv('2')},x=y` },
    { trace: 'a', id: '2', state: `ot=th:f;${rv('1')};${rv('1')}` },
  ]
  const sent = stamped(spans, stamp => setThreshold(stamp, 0xcn << 52n))
  assert.deepEqual(
    sent.map(({ state }) => state),
    ['ot=th:c,x=y', 'ot=th:f'],
  )
})

test('of 32 entries the last gives way to ot', () => {
  const entries = Array.from({ length: 32 }, (_, i) => `v${i}=${i}`)
  const [full] = stamped([{ trace: 'a', state: entries.join(',') }], stamp =>
    setThreshold(stamp, 0xcn << 52n),
  )
  assert.equal(full.state, ['ot=th:c', ...entries.slice(0, 31)].join(','))
  const withOt = ['ot=th:8;k:v', ...entries.slice(0, 31)]
  const [raised] = stamped([{ trace: 'a', state: withOt.join(',') }], stamp =>
    setThreshold(stamp, 0xcn << 52n),
  )
  assert.equal(raised.state, ['ot=th:c;k:v', ...entries.slice(0, 31)].join(','))
})

test('a threshold for which ot has no room is left out', () => {
  const key = `k:${'v'.repeat(240)}`
  const states = [`ot=${key},x=y`, `ot=th:8;${key},x=y`]
  const spans = states.map((state, i) => ({ trace: 'a', id: `${i + 1}`, state }))
  const sent = stamped(spans, stamp => setThreshold(stamp, 0xe6666666666666n))
  assert.deepEqual(
    sent.map(({ state }) => state),
    [states[0], states[0]],
  )
})

test('fields are added to every span, or to the root only', () => {
  const fields = new Writer().begin(9).string(1, 'k').end().finish()
  const rootFields = new Writer().begin(9).string(1, 'r').end().finish()
  const spans = [
    { trace: 'a', id: '1' },
    { trace: 'a', id: '2', parent: '1', state: 'x=y' },
    { trace: 'b', id: '3' },
  ]
  const sent = stamped(spans, stamp => {
    stamp.fields = fields
    stamp.rootFields = rootFields
  })
  const added = Buffer.from(fields).toString('hex')
  const addedToRoot = Buffer.from(rootFields).toString('hex')
  const before = spans.map(span => apart(spanBytes(span)).rest)
  assert.deepEqual(
    sent.map(({ rest }) => rest),
    [before[0] + addedToRoot + added, before[1] + added, before[2] + addedToRoot + added],
  )
  assert.equal(sent[1].state, 'x=y')
})

test('each trace has its own stamp, also where a batch ends inside of it', () => {
  const spans = [
    ...[1, 2, 3].map(i => ({ trace: 'a', id: `${i}` })),
    ...[1, 2, 3].map(i => ({ trace: 'b', id: `${i}` })),
    { trace: 'c', id: '1' },
  ]
  let next = 1n
  const sent = stamped(spans, stamp => setThreshold(stamp, next++ << 52n))
  assert.deepEqual(
    sent.map(({ state }) => state),
    ['ot=th:1', 'ot=th:1', 'ot=th:1', 'ot=th:2', 'ot=th:2', 'ot=th:2', 'ot=th:3'],
  )
})

const threshold = fc.bigInt({ min: 0n, max: (1n << 56n) - 1n })

test('a stamped state is what the exact reader makes of it', () => {
  const other = fc.constantFrom('', 'x=y', 'a=b,c@d=e')
  fc.assert(
    fc.property(threshold, fc.option(threshold), other, (given, own, others) => {
      const ot = own === null ? '' : `ot=th:${formatThreshold(own)};k:v`
      const state = [ot, others].filter(Boolean).join(',')
      const span = state === '' ? { trace: 'a' } : { trace: 'a', state }
      const [sent] = stamped([span], stamp => setThreshold(stamp, given))
      const expected = TraceState.parse(state)!
      if (own === null || own < given) expected.setThreshold(given)
      assert.equal(sent.state, expected.toString())
      assert.equal(
        TraceState.parse(sent.state)?.threshold,
        own !== null && own > given ? own : given,
      )
    }),
    { numRuns: 300 },
  )
})

test('th and rv are read as the exact reader reads them', () => {
  const member = fc.oneof(
    threshold.map(t => `th:${formatThreshold(t)}`),
    threshold.map(t => `rv:${t.toString(16).padStart(14, '0')}`),
    fc.constantFrom(
      'k:v',
      'th:',
      'th:xyz',
      'th:123456789012345',
      'rv:12',
      'th',
      'rv:ABCDEF01234567',
    ),
  )
  const entry = fc.oneof(
    fc.array(member, { minLength: 1, maxLength: 3 }).map(members => `ot=${members.join(';')}`),
    fc.constantFrom('x=y', 'other=th:8', 'ot2=th:4', 'a@ot=rv:00000000000001', ' y=z'),
  )
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), entries => {
      const text = entries.join(',')
      const exact = TraceState.parse(text)
      fc.pre(exact !== undefined)
      const bytes = Buffer.from(`__${text}__`)
      const fast = new OtReader()
      fast.read(bytes, 2, bytes.length - 2)
      const join = (high: number, low: number) => (BigInt(high) << 28n) | BigInt(low)
      const th = fast.hasThreshold ? join(fast.thresholdHigh, fast.thresholdLow) : null
      const rv = fast.hasRandomness ? join(fast.randomnessHigh, fast.randomnessLow) : null
      assert.deepEqual(
        [th, rv, fast.isBad],
        [exact?.threshold, exact?.randomness, exact?.isDoubled],
      )
    }),
    { numRuns: 500 },
  )
})

test('a trace knows the thresholds and the randomness of its spans', () => {
  const a = assembly()
  a.take([
    { trace: 'a', id: '1', state: 'ot=th:8;rv:ffffffffffffff' },
    { trace: 'a', id: '2', state: 'ot=th:8' },
    { trace: 'b', id: '1', state: 'ot=th:8' },
    { trace: 'b', id: '2', state: 'ot=th:c' },
    { trace: 'c', id: '1' },
    { trace: 'c', id: '2', state: 'ot=th:4' },
    { trace: 'd', id: '1', state: 'ot=th:4' },
    { trace: 'd', id: '2' },
    { trace: '0123456789abcdef0123456789abcdef', id: '1' },
  ])
  const facts = (trace: string) => {
    const handle = handleOf(a, trace)
    const flags = a.traces.flags(handle)
    return [
      a.traces.thresholdHigh(handle).toString(16),
      (flags & TRACE_THRESHOLD) !== 0,
      (flags & TRACE_THRESHOLD_MIXED) !== 0,
    ]
  }
  assert.deepEqual(facts('a'), ['8000000', true, false])
  assert.deepEqual(facts('b'), ['c000000', true, true])
  assert.deepEqual(facts('c'), ['4000000', true, true])
  assert.deepEqual(facts('d'), ['4000000', true, true])
  const explicit = handleOf(a, 'a')
  assert.equal(a.traces.randomnessHigh(explicit), 0xfffffff)
  assert.ok((a.traces.flags(explicit) & TRACE_EXPLICIT_RANDOMNESS) !== 0)
  const implicit = handleOf(a, '0123456789abcdef0123456789abcdef')
  assert.equal(a.traces.randomnessHigh(implicit), 0x2345678)
  assert.equal(a.traces.randomnessLow(implicit), 0x9abcdef)
})
