/** Paths of data points of all kinds, and of their exemplars. A point that does not have a field reads it as nil and ignores that it is set. */
import type { SlotPath } from '../context.ts'
import type { Target } from '../function.ts'
import { SpanId, TraceId } from '../value.ts'
import { type Cursor, ITEM, NEGATIVE, PART, POSITIVE } from './cursor.ts'
import { type Field, fieldAt, pointField } from './field.ts'
import { listPath, messagePath, numbersPath } from './messages.ts'
import { EXEMPLARS } from './parts.ts'
import { attributes, type PathMaker, type PathTable, plain, slotAt } from './paths.ts'
import { doublePath, idPath, idTextPath, intPath, nanoPath, timePath } from './scalars.ts'

const start = pointField(ITEM, 2, 2, 2, 2)
const time = pointField(ITEM, 3, 3, 3, 3)
const count = pointField(ITEM, 0, 4, 4, 4)
const sum = pointField(ITEM, 0, 5, 5, 5)
const HISTOGRAM_SUM = 9
const EXPONENTIAL_SUM = 10

function item(target: Target, name: string, as: SlotPath['as']): PathMaker {
  return plain(target, slotAt(ITEM, name, as))
}

/** A summary's sum is a plain number, a histogram's has presence. */
function sumPath(): Target {
  const present = doublePath(sum, true)
  const bare = doublePath(sum)
  return {
    get: bare.get,
    set: (scope, value) => {
      const { dataKind } = scope as Cursor
      const target = dataKind === HISTOGRAM_SUM || dataKind === EXPONENTIAL_SUM ? present : bare
      target.set(scope, value)
    },
  }
}

/** A number is one of two members of a oneof: setting one takes the other away, and it reads as 0. */
function numberPath(field: Field, other: Field, target: Target): Target {
  return {
    get: scope => {
      const cursor = scope as Cursor
      const value = target.get(scope)
      if (value === null) return null
      const message = cursor.places[field.place]
      const isOther = message.find(numberIn(other, cursor)) > message.find(numberIn(field, cursor))
      return isOther ? (typeof value === 'bigint' ? 0n : 0) : value
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      target.set(scope, value)
      const number = numberIn(other, cursor)
      if (number !== 0) cursor.places[field.place].clear(number)
    },
  }
}

function numberIn(field: Field, cursor: Cursor): number {
  return field.byKind === null ? field.number : field.byKind[cursor.dataKind]
}

const asDouble = pointField(ITEM, 4, 0, 0, 0)
const asInt = pointField(ITEM, 6, 0, 0, 0)

function bucketPaths(name: string, place: number, number: number): PathTable {
  const only = Int8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
  const at = (field: number): Field => ({ place, number: 0, byKind: only.map(x => x * field) })
  return {
    [name]: plain(messagePath({ ...at(number), place: ITEM }, 'Buckets')),
    [`${name}.offset`]: plain(intPath(at(1), 'sint32')),
    [`${name}.bucket_counts`]: plain(numbersPath(at(2), 'uint64')),
  }
}

export const POINT_PATHS: PathTable = {
  attributes: attributes(pointField(ITEM, 7, 9, 1, 7), 'attributes'),
  start_time: item(timePath(start), 'startTimeUnixNano', 'time'),
  start_time_unix_nano: item(nanoPath(start), 'startTimeUnixNano', 'int'),
  time: item(timePath(time), 'timeUnixNano', 'time'),
  time_unix_nano: item(nanoPath(time), 'timeUnixNano', 'int'),
  value_double: plain(numberPath(asDouble, asInt, doublePath(asDouble, true))),
  value_int: plain(numberPath(asInt, asDouble, intPath(asInt, 'sfixed64', true))),
  exemplars: plain(listPath({ place: ITEM, number: 0, byKind: EXEMPLARS }, 'Exemplar')),
  flags: item(intPath(pointField(ITEM, 8, 10, 10, 8), 'uint32'), 'flags', 'int'),
  count: plain(intPath(count, 'fixed64')),
  sum: plain(sumPath()),
  bucket_counts: plain(numbersPath(pointField(ITEM, 0, 6, 0, 0), 'fixed64')),
  explicit_bounds: plain(numbersPath(pointField(ITEM, 0, 7, 0, 0), 'double')),
  scale: plain(intPath(pointField(ITEM, 0, 0, 6, 0), 'sint32')),
  zero_count: plain(intPath(pointField(ITEM, 0, 0, 7, 0), 'fixed64')),
  ...bucketPaths('positive', POSITIVE, 8),
  ...bucketPaths('negative', NEGATIVE, 9),
  quantile_values: plain(listPath(pointField(ITEM, 0, 0, 0, 6), 'ValueAtQuantile')),
}

const exemplarDouble = fieldAt(PART, 3)
const exemplarInt = fieldAt(PART, 6)

export const EXEMPLAR_PATHS: PathTable = {
  time: plain(timePath(fieldAt(PART, 2))),
  time_unix_nano: plain(nanoPath(fieldAt(PART, 2))),
  double_value: plain(numberPath(exemplarDouble, exemplarInt, doublePath(exemplarDouble, true))),
  int_value: plain(numberPath(exemplarInt, exemplarDouble, intPath(exemplarInt, 'sfixed64', true))),
  trace_id: plain(idPath(fieldAt(PART, 5), TraceId)),
  'trace_id.string': plain(idTextPath(fieldAt(PART, 5), TraceId)),
  span_id: plain(idPath(fieldAt(PART, 4), SpanId)),
  'span_id.string': plain(idTextPath(fieldAt(PART, 4), SpanId)),
  filtered_attributes: attributes(fieldAt(PART, 7), 'filteredAttributes'),
}
