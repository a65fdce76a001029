/** Paths of log records. */
import { SpanId, TraceId } from '../value.ts'
import { bodyPath, bodyTextPath } from './body.ts'
import { ITEM } from './cursor.ts'
import { fieldAt } from './field.ts'
import { attributes, type PathTable, plain, slotAt } from './paths.ts'
import { idPath, idTextPath, intPath, nanoPath, textPath, timePath } from './scalars.ts'

export const LOG_PATHS: PathTable = {
  time: plain(timePath(fieldAt(ITEM, 1)), slotAt(ITEM, 'timeUnixNano', 'time')),
  time_unix_nano: plain(nanoPath(fieldAt(ITEM, 1)), slotAt(ITEM, 'timeUnixNano', 'int')),
  observed_time: plain(timePath(fieldAt(ITEM, 11)), slotAt(ITEM, 'observedTimeUnixNano', 'time')),
  observed_time_unix_nano: plain(
    nanoPath(fieldAt(ITEM, 11)),
    slotAt(ITEM, 'observedTimeUnixNano', 'int'),
  ),
  severity_number: plain(intPath(fieldAt(ITEM, 2), 'int32'), slotAt(ITEM, 'severityNumber', 'int')),
  severity_text: plain(textPath(fieldAt(ITEM, 3)), slotAt(ITEM, 'severityText', 'text')),
  body: bodyPath,
  'body.string': bodyTextPath,
  attributes: attributes(fieldAt(ITEM, 6), 'attributes'),
  dropped_attributes_count: plain(
    intPath(fieldAt(ITEM, 7), 'uint32'),
    slotAt(ITEM, 'droppedAttributesCount', 'int'),
  ),
  flags: plain(intPath(fieldAt(ITEM, 8), 'fixed32'), slotAt(ITEM, 'flags', 'int')),
  trace_id: plain(idPath(fieldAt(ITEM, 9), TraceId), slotAt(ITEM, 'traceId', 'id')),
  'trace_id.string': plain(idTextPath(fieldAt(ITEM, 9), TraceId)),
  span_id: plain(idPath(fieldAt(ITEM, 10), SpanId), slotAt(ITEM, 'spanId', 'id')),
  'span_id.string': plain(idTextPath(fieldAt(ITEM, 10), SpanId)),
  event_name: plain(textPath(fieldAt(ITEM, 12)), slotAt(ITEM, 'eventName', 'text')),
}
