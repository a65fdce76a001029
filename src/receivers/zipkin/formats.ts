/** Which bodies the paths of Zipkin's API take, and who reads them. */
import type { Meter } from '../../core/meter.ts'
import { mediaTypeOf } from '../../net/http-request.ts'
import type { TranslateFault } from '../../translate/fault.ts'
import { readZipkinJsonV1 } from '../../translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../translate/zipkin/proto.ts'
import { readZipkinThrift } from '../../translate/zipkin/thrift.ts'
import type { HttpFormat, HttpFormats } from '../intake/http-translation.ts'
import { countTransport } from '../intake/metrics.ts'

/** How the paths of both versions end; proxies may put something in front. */
export const V1_PATH = '/api/v1/spans'
export const V2_PATH = '/api/v2/spans'

/** By media type; every other one is taken for JSON, because clients are careless with it. */
type Binary = Readonly<Record<string, HttpFormat>>

const NO_BYTES = new Uint8Array(0)

type Read = (bytes: Uint8Array) => Uint8Array | TranslateFault

export interface ZipkinFormats {
  readonly v1: HttpFormats
  readonly v2: HttpFormats
}

/** `receiver` is the id that the metrics carry. */
export function zipkinFormats(meter: Meter, receiver: string, parseStringTags: boolean) {
  const options = { parseStringTags }
  const format = (title: string, transport: string, read: Read): HttpFormat => ({
    title,
    answersIn: 'text',
    counters: countTransport(meter, receiver, transport, ['traces']),
    // Servers of Zipkin take nothing for no spans; clients probe with it.
    read: bytes => (bytes.length === 0 ? NO_BYTES : read(bytes)),
  })
  const v1Json = format('Zipkin v1 JSON', 'http_v1_json', bytes => readZipkinJsonV1(bytes, options))
  const v2Json = format('Zipkin v2 JSON', 'http_v2_json', bytes => readZipkinJson(bytes, options))
  const thrift = format('Zipkin v1 Thrift', 'http_v1_thrift', readZipkinThrift)
  const proto = format('Zipkin v2 protobuf', 'http_v2_proto', b => readZipkinProto(b, options))
  const formats: ZipkinFormats = {
    v1: choose(v1Json, { 'application/x-thrift': thrift }),
    v2: choose(v2Json, { 'application/x-protobuf': proto, 'application/protobuf': proto }),
  }
  return formats
}

/** What only the other version knows is refused rather than read as JSON. */
const BINARY_TYPES = ['application/x-thrift', 'application/x-protobuf', 'application/protobuf']

function choose(json: HttpFormat, binary: Binary): HttpFormats {
  return {
    supported: `[application/json, ${Object.keys(binary).join(', ')}]`,
    fallback: json,
    find: contentType => {
      const type = mediaTypeOf(contentType)
      if (!BINARY_TYPES.includes(type)) return json
      return binary[type]
    },
  }
}
