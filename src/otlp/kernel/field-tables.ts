/**
 * The validator's view of the schema, as numbers: what wire type each field has and what stands in it. Built here for
 * the JavaScript twin; `scripts/gen-fields.ts` writes the same numbers into the AssemblyScript kernel.
 *
 * ```
 * entry = wire type (bits 0-2) | content (3-4) | packable (5) | level + 1 (6-8) | message id (9-15);  0 = unknown field
 * ```
 */
import { type Field, type FieldKind, MESSAGES, REQUEST_MESSAGE } from '../schema.ts'
import type { Signal } from '../signal.ts'

/** One more than the largest field number of any message. */
export const FIELDS_PER_MESSAGE = 32

export const CONTENT_SHIFT = 3
export const CONTENT_BYTES = 0
export const CONTENT_STRING = 1
export const CONTENT_MESSAGE = 2
export const PACKABLE = 1 << 5
export const LEVEL_SHIFT = 6
export const MESSAGE_SHIFT = 9

const WIRE_TYPE: Readonly<Record<FieldKind, number>> = {
  string: 2,
  bytes: 2,
  id: 2,
  message: 2,
  bool: 0,
  int32: 0,
  sint32: 0,
  uint32: 0,
  int64: 0,
  uint64: 0,
  enum: 0,
  fixed32: 5,
  fixed64: 1,
  sfixed64: 1,
  double: 1,
}

/** Messages that become index rows, and at which level. */
const LEVELS: ReadonlyMap<string, number> = new Map([
  ...['ResourceSpans', 'ResourceMetrics', 'ResourceLogs'].map(name => [name, 0] as const),
  ...['ScopeSpans', 'ScopeMetrics', 'ScopeLogs'].map(name => [name, 1] as const),
  ...['Span', 'LogRecord', 'Metric'].map(name => [name, 2] as const),
  ...['Gauge', 'Sum', 'Histogram', 'ExponentialHistogram', 'Summary'].map(n => [n, 3] as const),
  ...[
    'NumberDataPoint',
    'HistogramDataPoint',
    'ExponentialHistogramDataPoint',
    'SummaryDataPoint',
  ].map(name => [name, 4] as const),
])

export const MESSAGE_NAMES: readonly string[] = [...MESSAGES.keys()]

const MESSAGE_IDS: ReadonlyMap<string, number> = new Map(
  MESSAGE_NAMES.map((name, id) => [name, id]),
)

export const FIELD_TABLE: Uint16Array = buildTable()

export const ROOT_MESSAGE: Readonly<Record<Signal, number>> = {
  traces: messageId(REQUEST_MESSAGE.traces),
  metrics: messageId(REQUEST_MESSAGE.metrics),
  logs: messageId(REQUEST_MESSAGE.logs),
}

export function messageId(name: string): number {
  return MESSAGE_IDS.get(name)!
}

function buildTable(): Uint16Array {
  const table = new Uint16Array(MESSAGE_NAMES.length * FIELDS_PER_MESSAGE)
  for (const { name, fields } of MESSAGES.values()) {
    const base = messageId(name) * FIELDS_PER_MESSAGE
    for (const field of fields) table[base + field.number] = entryOf(field)
  }
  return table
}

/** A known varint field of wire type 0 would be entry 0 = unknown, so scalars carry content 3. */
function entryOf(field: Field): number {
  const wireType = WIRE_TYPE[field.kind]
  if (wireType !== 2) return wireType | (3 << CONTENT_SHIFT) | (field.repeated ? PACKABLE : 0)
  if (field.kind === 'string') return wireType | (CONTENT_STRING << CONTENT_SHIFT)
  if (field.kind !== 'message') return wireType | (CONTENT_BYTES << CONTENT_SHIFT)
  const level = LEVELS.get(field.type)
  return (
    wireType |
    (CONTENT_MESSAGE << CONTENT_SHIFT) |
    ((level === undefined ? 0 : level + 1) << LEVEL_SHIFT) |
    (messageId(field.type) << MESSAGE_SHIFT)
  )
}
