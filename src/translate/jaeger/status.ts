/**
 * The status of a span out of its tags. What is taken up is forgotten, so that it is not among the attributes as well:
 * `error: true` counts most, then `otel.status_code`, then an HTTP status code.
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import { STRING, type TagSink } from './tag-sink.ts'
import * as T from './tags.ts'

const SERVER = 2

const STATUS_FIELD = 0x7a
const MESSAGE_FIELD = 0x12
const CODE_FIELD = 0x18

const UNSET = 0
const OK = 1
const ERROR = 2

const CODES: ReadonlyMap<string, number> = new Map([
  ['OK', OK],
  ['ERROR', ERROR],
])

/**
 * Appends the status, if the tags tell of one; false when there is no memory. Both keys of HTTP codes are looked at, and
 * stay as they are: the Go collector renames the newer one to the older.
 */
export function writeStatus(out: MessageWriter, tags: TagSink, kind: number): boolean {
  let code = UNSET
  let message = 0
  if (tags.isTrue(T.ERROR)) {
    code = ERROR
    tags.forget(T.ERROR)
    message = description(tags)
    if (message === 0) message = T.HTTP_MESSAGE
    tags.forget(T.STATUS_CODE)
  } else if (tags.has(T.STATUS_CODE)) {
    code = CODES.get(tags.text(T.STATUS_CODE).toUpperCase()) ?? UNSET
    message = description(tags)
    tags.forget(T.STATUS_CODE)
  } else {
    code = ofHttp(tags, kind)
    if (code !== UNSET) message = T.HTTP_MESSAGE
  }
  const hasMessage = message !== 0 && tags.type(message) === STRING
  return write(out, code, hasMessage ? tags.start(message) : 0, hasMessage ? tags.end(message) : 0)
}

function description(tags: TagSink): number {
  if (!tags.has(T.STATUS_DESCRIPTION)) return 0
  tags.forget(T.STATUS_DESCRIPTION)
  return T.STATUS_DESCRIPTION
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status: 4xx is no error of a server. */
function ofHttp(tags: TagSink, kind: number): number {
  const http = tags.int(tags.has(T.HTTP_CODE) ? T.HTTP_CODE : T.HTTP_RESPONSE_CODE)
  if (http === undefined) return UNSET
  if (http >= 400 && http < 500 && kind === SERVER) return UNSET
  return http >= 100 && http < 400 ? UNSET : ERROR
}

/** The message is a text in `out` itself. */
function write(out: MessageWriter, code: number, start: number, end: number): boolean {
  if (code === UNSET && start === end) return true
  if (!out.reserve(end - start)) return false
  const status = out.open(STATUS_FIELD, 1)
  if (end > start) {
    const message = out.open(MESSAGE_FIELD, 1)
    out.pos = copyBytes(out.bytes, message, out.bytes, start, end)
    out.close(message, 1)
  }
  if (code !== UNSET) {
    out.tag(CODE_FIELD)
    out.varint(code)
  }
  out.close(status, 1)
  return true
}
