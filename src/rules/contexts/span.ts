/** Paths of spans, and of the events and links in them. */
import type { FunctionSpec } from '../function.ts'
import { EvaluationError, SpanId, TraceId } from '../value.ts'
import { type Cursor, ITEM, PART, STATUS } from './cursor.ts'
import { fieldAt } from './field.ts'
import { listPath, messagePath, wholePath } from './messages.ts'
import { attributes, type PathMaker, type PathTable, plain, slotAt } from './paths.ts'
import {
  flagsPath,
  idPath,
  idTextPath,
  intPath,
  namedPath,
  nanoPath,
  textPath,
  timePath,
} from './scalars.ts'
import { traceStateKey } from './trace-state.ts'

const KIND_NAMES = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
const PARENT_SPAN_ID = 4

function traceState(place: number, slotted: boolean): PathMaker {
  const field = fieldAt(place, 3)
  const whole = plain(textPath(field), slotted ? slotAt(place, 'traceState', 'text') : undefined)
  return keys => {
    if (keys.length === 0) return whole(keys)
    return keys.length === 1 && slotted ? traceStateKey(field, keys[0]) : undefined
  }
}

const kind = fieldAt(ITEM, 6)

export const SPAN_PATHS: PathTable = {
  '': plain(wholePath(ITEM, 'Span')),
  trace_id: plain(idPath(fieldAt(ITEM, 1), TraceId), slotAt(ITEM, 'traceId', 'id')),
  'trace_id.string': plain(idTextPath(fieldAt(ITEM, 1), TraceId)),
  span_id: plain(idPath(fieldAt(ITEM, 2), SpanId), slotAt(ITEM, 'spanId', 'id')),
  'span_id.string': plain(idTextPath(fieldAt(ITEM, 2), SpanId)),
  trace_state: traceState(ITEM, true),
  parent_span_id: plain(
    idPath(fieldAt(ITEM, PARENT_SPAN_ID), SpanId),
    slotAt(ITEM, 'parentSpanId', 'id'),
  ),
  'parent_span_id.string': plain(idTextPath(fieldAt(ITEM, PARENT_SPAN_ID), SpanId)),
  name: plain(textPath(fieldAt(ITEM, 5)), slotAt(ITEM, 'name', 'text')),
  kind: plain(intPath(kind, 'int32'), slotAt(ITEM, 'kind', 'int')),
  'kind.string': plain(namedPath(kind, KIND_NAMES, 'span kind string')),
  'kind.deprecated_string': plain(
    namedPath(
      kind,
      KIND_NAMES.map(name => `SPAN_KIND_${name.toUpperCase()}`),
      'span kind deprecated string',
    ),
  ),
  start_time: plain(timePath(fieldAt(ITEM, 7)), slotAt(ITEM, 'startTimeUnixNano', 'time')),
  start_time_unix_nano: plain(nanoPath(fieldAt(ITEM, 7)), slotAt(ITEM, 'startTimeUnixNano', 'int')),
  end_time: plain(timePath(fieldAt(ITEM, 8)), slotAt(ITEM, 'endTimeUnixNano', 'time')),
  end_time_unix_nano: plain(nanoPath(fieldAt(ITEM, 8)), slotAt(ITEM, 'endTimeUnixNano', 'int')),
  attributes: attributes(fieldAt(ITEM, 9), 'attributes'),
  dropped_attributes_count: plain(
    intPath(fieldAt(ITEM, 10), 'uint32'),
    slotAt(ITEM, 'droppedAttributesCount', 'int'),
  ),
  events: plain(listPath(fieldAt(ITEM, 11), 'Event')),
  dropped_events_count: plain(
    intPath(fieldAt(ITEM, 12), 'uint32'),
    slotAt(ITEM, 'droppedEventsCount', 'int'),
  ),
  links: plain(listPath(fieldAt(ITEM, 13), 'Link')),
  dropped_links_count: plain(
    intPath(fieldAt(ITEM, 14), 'uint32'),
    slotAt(ITEM, 'droppedLinksCount', 'int'),
  ),
  status: plain(messagePath(fieldAt(ITEM, 15), 'Status')),
  'status.message': plain(textPath(fieldAt(STATUS, 2)), slotAt(STATUS, 'message', 'text')),
  'status.code': plain(intPath(fieldAt(STATUS, 3), 'int32'), slotAt(STATUS, 'code', 'int')),
  flags: plain(flagsPath(fieldAt(ITEM, 16)), slotAt(ITEM, 'flags', 'int')),
}

export const EVENT_PATHS: PathTable = {
  '': plain(wholePath(PART, 'Event')),
  time: plain(timePath(fieldAt(PART, 1))),
  time_unix_nano: plain(nanoPath(fieldAt(PART, 1))),
  name: plain(textPath(fieldAt(PART, 2))),
  attributes: attributes(fieldAt(PART, 3), 'attributes'),
  dropped_attributes_count: plain(intPath(fieldAt(PART, 4), 'uint32')),
  event_index: plain({
    get: scope => BigInt((scope as Cursor).partIndex),
    set: () => {
      throw new EvaluationError("the 'event_index' path cannot be modified")
    },
  }),
}

export const LINK_PATHS: PathTable = {
  '': plain(wholePath(PART, 'Link')),
  trace_id: plain(idPath(fieldAt(PART, 1), TraceId)),
  'trace_id.string': plain(idTextPath(fieldAt(PART, 1), TraceId)),
  span_id: plain(idPath(fieldAt(PART, 2), SpanId)),
  'span_id.string': plain(idTextPath(fieldAt(PART, 2), SpanId)),
  trace_state: traceState(PART, false),
  attributes: attributes(fieldAt(PART, 4), 'attributes'),
  dropped_attributes_count: plain(intPath(fieldAt(PART, 5), 'uint32')),
  flags: plain(flagsPath(fieldAt(PART, 6))),
}

export const isRootSpan: FunctionSpec = {
  name: 'IsRootSpan',
  kind: 'converter',
  params: [],
  summary: 'Whether the span has no parent.',
  example: { expr: 'IsRootSpan()', result: 'true' },
  make: () => {
    const parent = idPath(fieldAt(ITEM, PARENT_SPAN_ID), SpanId)
    return scope => (parent.get(scope) as SpanId).every(byte => byte === 0)
  },
}
