/** What the head of an OTLP/HTTP request says: which path, which media type. Pure, so apart from the server. */
import type { MediaType } from './http-exchange.ts'

/** Parameters such as charset do not matter; JSON is UTF-8 by its own rules. */
export function mediaTypeOf(contentType: string | undefined): MediaType | undefined {
  if (contentType === 'application/x-protobuf') return 'proto'
  if (contentType === undefined) return undefined
  const end = contentType.indexOf(';')
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  if (type === 'application/json') return 'json'
  return type === 'application/x-protobuf' ? 'proto' : undefined
}

/** Without the query; the absolute form of a request target is for proxies, and must be taken all the same. */
export function pathOf(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target)
  const path = absolute === null ? target : target.slice(absolute[0].length)
  const query = path.indexOf('?')
  return query < 0 ? path : path.slice(0, query)
}
