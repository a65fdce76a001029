/** What the head of a request over HTTP says: which path, what its body is. Pure, so apart from the server. */
import type { BodyFormat, BodyFormats } from './http-exchange.ts'

const PROTO: BodyFormat = { answersIn: 'proto' }
const JSON_TEXT: BodyFormat = { answersIn: 'json' }

/** What OTLP requests come in; also of those for which there is no handler. */
export const OTLP_FORMATS: BodyFormats = {
  supported: '[application/json, application/x-protobuf]',
  fallback: JSON_TEXT,
  find: otlpFormat,
}

function otlpFormat(contentType: string | undefined): BodyFormat | undefined {
  if (contentType === 'application/x-protobuf') return PROTO
  const type = mediaTypeOf(contentType)
  if (type === 'application/json') return JSON_TEXT
  return type === 'application/x-protobuf' ? PROTO : undefined
}

/** Without parameters: JSON is UTF-8 by its own rules. In lower case; empty when there is none. */
export function mediaTypeOf(contentType = ''): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/** Without the query; the absolute form of a request target is for proxies, and must be taken all the same. */
export function pathOf(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target)
  const path = absolute === null ? target : target.slice(absolute[0].length)
  const query = path.indexOf('?')
  return query < 0 ? path : path.slice(0, query)
}
