/** Paths of metrics. What depends on the kind of metric is nil, and ignores being set, where the kind does not have it. */
import { END, PARENT, ROW, START } from '../../otlp/request-index.ts'
import type { Target } from '../function.ts'
import { EvaluationError, OtlpList, OtlpMessage } from '../value.ts'
import { type Cursor, DATA, DATA_ROW_LEVEL, METRIC } from './cursor.ts'
import { fieldAt, mismatch, pointField } from './field.ts'
import { attributes, type PathTable, plain, slotAt } from './paths.ts'
import { boolPath, intPath, textPath } from './scalars.ts'

const POINT_LEVEL = 4

/** The reference's numbers of metric types, by field number in Metric. */
const TYPES = Int8Array.of(0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 4, 5)

/** The points' message, by field number in Metric. */
export const POINT_TYPES: readonly string[] = [
  ...new Array<string>(5).fill(''),
  'NumberDataPoint',
  '',
  'NumberDataPoint',
  '',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
]

/** Nothing changes a metric's type, as in the reference. */
const TYPE: Target = {
  get: scope => BigInt(TYPES[(scope as Cursor).dataKind]),
  set: () => {},
}

/** Only sums have it. */
const monotonic = {
  place: DATA,
  number: 0,
  byKind: Int8Array.of(0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0),
}

const temporality = {
  ...pointField(DATA, 2, 2, 2, 0),
  byKind: Int8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 2, 0),
}

/** The points as they are now. What is set is seen by later passes, not by this one. */
const DATA_POINTS: Target = {
  get: scope => {
    const cursor = scope as Cursor
    const { dataKind, space } = cursor
    if (dataKind === 0) return null
    const rows = space.levels[POINT_LEVEL]
    const parent = space.rows[DATA_ROW_LEVEL]
    const items: Uint8Array[] = []
    for (let row = firstChild(rows, parent); row * ROW < rows.length; row++) {
      if (rows[row * ROW + PARENT] !== parent) break
      items.push(pointBytes(cursor, row))
    }
    return new OtlpList(POINT_TYPES[dataKind], items)
  },
  set: (scope, value) => {
    const cursor = scope as Cursor
    const type = POINT_TYPES[cursor.dataKind]
    if (type === '') return
    if (!(value instanceof OtlpList) || value.type !== type) {
      throw mismatch(`pmetric.${type}Slice`, value)
    }
    cursor.exchangePoints(value.items)
  },
}

function firstChild(rows: Int32Array, parent: number): number {
  let low = 0
  let high = rows.length / ROW
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle * ROW + PARENT] < parent) low = middle + 1
    else high = middle
  }
  return low
}

function pointBytes({ space }: Cursor, row: number): Uint8Array {
  const changed = space.changed[POINT_LEVEL]
  const place = changed.placeOf(row)
  if (place >= 0) {
    return new Uint8Array(changed.bytes[place].subarray(changed.starts[place], changed.ends[place]))
  }
  const rows = space.levels[POINT_LEVEL]
  return new Uint8Array(space.bytes.subarray(rows[row * ROW + START], rows[row * ROW + END]))
}

/** The metric's own fields, without its data. */
const WHOLE: Target = {
  get: scope => new OtlpMessage('Metric', (scope as Cursor).places[METRIC].copy()),
  set: () => {
    throw new EvaluationError('a metric cannot be set as a whole')
  },
}

export const METRIC_PATHS: PathTable = {
  '': plain(WHOLE),
  name: plain(textPath(fieldAt(METRIC, 1)), slotAt(METRIC, 'name', 'text')),
  description: plain(textPath(fieldAt(METRIC, 2)), slotAt(METRIC, 'description', 'text')),
  unit: plain(textPath(fieldAt(METRIC, 3)), slotAt(METRIC, 'unit', 'text')),
  type: plain(TYPE),
  aggregation_temporality: plain(intPath(temporality, 'int32')),
  is_monotonic: plain(boolPath(monotonic)),
  data_points: plain(DATA_POINTS),
  metadata: attributes(fieldAt(METRIC, 12), 'metadata'),
}
