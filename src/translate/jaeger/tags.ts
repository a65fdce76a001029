/** Keys of Jaeger tags that mean more than an attribute, told from others without decoding them. */

export const SPAN_KIND = 1
export const ERROR = 2
export const STATUS_CODE = 3
export const STATUS_DESCRIPTION = 4
export const HTTP_CODE = 5
export const HTTP_RESPONSE_CODE = 6
export const HTTP_MESSAGE = 7
export const TRACE_STATE = 8
export const SCOPE_NAME = 9
export const SCOPE_VERSION = 10
export const DROPPED_ATTRIBUTES = 11
export const DROPPED_EVENTS = 12
export const DROPPED_LINKS = 13
export const EVENT = 14
export const HOSTNAME = 15
export const HOST_NAME = 16
export const JAEGER_VERSION = 17
export const EXPORTER_VERSION = 18
export const CLASSES = 19

/** Attribute in which Jaeger itself keeps a span's warnings: a list of strings. */
export const WARNINGS_KEY = '@jaeger@warnings'
/** In place of a service's name when the resource has nothing at all. */
export const NO_SERVICE = 'OTLPResourceNoServiceName'
export const SERVICE_KEY = 'service.name'
export const REF_TYPE_KEY = 'opentracing.ref_type'
export const CHILD_OF = 'child_of'
export const FOLLOWS_FROM = 'follows_from'

/** By class; the first is none. */
export const KEYS: readonly string[] = [
  '',
  'span.kind',
  'error',
  'otel.status_code',
  'otel.status_description',
  'http.status_code',
  'http.response.status_code',
  'http.status_message',
  'w3c.tracestate',
  'otel.scope.name',
  'otel.scope.version',
  'otel.dropped_attributes_count',
  'otel.dropped_events_count',
  'otel.dropped_links_count',
  'event',
  'hostname',
  'host.name',
  'jaeger.version',
  'opencensus.exporterversion',
]

const KEY_BYTES = KEYS.map(key => new Uint8Array(Buffer.from(key)))

/** Longest key of all, with one more for what is longer. */
const LENGTHS = Math.max(...KEYS.map(key => key.length)) + 1
/** By length: the classes that have it. */
const BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: LENGTHS }, (_, length) =>
  KEYS.map((key, at) => (at > 0 && key.length === length ? at : 0)).filter(at => at > 0),
)

// hot: bench/micro/jaeger.ts
/** Class of a key; 0 when it is just a key. */
export function classOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length >= LENGTHS) return 0
  const candidates = BY_LENGTH[length]
  for (let i = 0; i < candidates.length; i++) {
    const key = KEY_BYTES[candidates[i]]
    let at = length - 1
    while (at >= 0 && key[at] === bytes[start + at]) at--
    if (at < 0) return candidates[i]
  }
  return 0
}
