/** Headers of a record as attributes of all resources of its request (`header_extraction`): laid over the bytes as edits. */
import { END, type RequestIndex, ROW, START } from '../../otlp/request-index.ts'
import { Edits } from '../../otlp/splice.ts'
import { FieldCursor, readString } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'

const PREFIX = 'kafka.header.'
/** ResourceSpans.resource, ResourceMetrics.resource, ResourceLogs.resource. */
const RESOURCE = 1
/** Resource.attributes, KeyValue.key, KeyValue.value, AnyValue.string_value. */
const ATTRIBUTES = 1
const KEY = 1
const VALUE = 2
const STRING = 1

export interface HeaderValue {
  readonly key: string
  readonly value: Uint8Array | null
}

export class HeaderAttributes {
  /** Attribute keys by the name of the header. */
  readonly #keys: ReadonlyMap<string, string>

  constructor(headers: readonly string[]) {
    this.#keys = new Map(headers.map(name => [name, PREFIX + name]))
  }

  /** Null when the record has none of these headers. Of several with one name the first counts, as upstream. */
  editsOf(headers: readonly HeaderValue[], bytes: Uint8Array, index: RequestIndex): Edits | null {
    const wanted = this.#wanted(headers)
    if (wanted.size === 0) return null
    const added = attributesOf(wanted)
    const rows = index.levels[0]
    const edits = new Edits(rows.length / ROW)
    const field = new FieldCursor()
    for (let at = 0; at < rows.length; at += ROW) {
      const groupStart = rows[at + START]
      const resources: [number, number, number][] = []
      field.reset(bytes, groupStart, rows[at + END])
      while (field.next()) {
        if (field.number === RESOURCE) resources.push([field.tag, field.start, field.end])
      }
      const writer = new Writer(256).begin(RESOURCE)
      for (const [, start, end] of resources) copyWithout(writer, bytes, start, end, wanted)
      const put = writer.raw(added).end().finish()
      if (resources.length === 0) edits.add(groupStart, groupStart, put)
      // Several of them merge into the first, as protobuf has it.
      for (const [i, [tag, , end]] of resources.entries()) {
        edits.add(tag, end, i === 0 ? put : NOTHING)
      }
    }
    return edits
  }

  #wanted(headers: readonly HeaderValue[]): ReadonlyMap<string, string> {
    const wanted = new Map<string, string>()
    for (const { key, value } of headers) {
      const attribute = this.#keys.get(key)
      if (attribute === undefined || wanted.has(attribute)) continue
      wanted.set(attribute, value === null ? '' : Buffer.from(value).toString('utf8'))
    }
    return wanted
  }
}

const NOTHING = new Uint8Array(0)

function attributesOf(wanted: ReadonlyMap<string, string>): Uint8Array {
  const writer = new Writer(256)
  for (const [key, value] of wanted) {
    writer.begin(ATTRIBUTES).string(KEY, key).begin(VALUE).string(STRING, value).end().end()
  }
  return writer.finish()
}

/** The fields of a resource except attributes with these keys. */
function copyWithout(
  writer: Writer,
  bytes: Uint8Array,
  start: number,
  end: number,
  without: ReadonlyMap<string, string>,
): void {
  const field = new FieldCursor(bytes, start, end)
  const inner = new FieldCursor()
  while (field.next()) {
    if (field.number === ATTRIBUTES) {
      let key = ''
      inner.reset(bytes, field.start, field.end)
      while (inner.next()) if (inner.number === KEY) key = readString(bytes, inner.start, inner.end)
      if (without.has(key)) continue
    }
    writer.raw(bytes.subarray(field.tag, field.end))
  }
}
