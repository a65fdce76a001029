/** Random values of each kind, and what the paths of the memory context hold. */
import fc from 'fast-check'
import { Duration, SpanId, Time, TraceId, type Value } from '../../../src/rules/value.ts'
import type { MemoryScope } from './memory-context.ts'
import { KEYS, TEXTS } from './telemetry.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -9n, max: 9n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n),
)
const double = fc.oneof(
  fc.constantFrom(0, -0, 1, 1.5, -3, 1e21, 2 ** 63, Number.NaN, Number.POSITIVE_INFINITY),
  fc.double(),
)
const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'grapheme', maxLength: 8 }))
const bytes = fc.uint8Array({ maxLength: 17 }).map(each => Uint8Array.from(each))
const time = fc.bigInt({ min: -(10n ** 18n), max: 4n * 10n ** 18n }).map(nano => new Time(nano))
const duration = int64.map(nanos => new Duration(nanos))
const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  text,
  int64,
  double,
  fc.boolean(),
  bytes,
)

/** What attributes and bodies hold. */
const anyValue = fc.letrec<{ value: Value; list: Value; map: Value }>(tie => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc
    .array(fc.tuple(fc.constantFrom(...KEYS), tie('value')), { maxLength: 4 })
    .map(entries => new Map(entries)),
}))

/** A value for each path of the memory context; any of them may be nil. */
export const scopes: fc.Arbitrary<MemoryScope> = fc
  .record({
    text: fc.option(text),
    count: fc.option(int64),
    ratio: fc.option(double),
    flag: fc.option(fc.boolean()),
    data: fc.option(bytes),
    start: fc.option(time),
    took: fc.option(duration),
    trace_id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(each => TraceId.from(each)),
    span_id: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(each => SpanId.from(each)),
    body: anyValue.value,
    list: fc.option(anyValue.list),
    attributes: anyValue.map,
  })
  .map(values => new Map<string, Value>(Object.entries(values)))
