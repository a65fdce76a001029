/** Log records to their bodies and nothing else: bytes as they are, anything else as JSON. */
import type { AnyValue } from '../../otlp/any-value.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { type EncodePart, isUntouched } from '../../otlp/encode-part.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { LogsView } from '../../otlp/logs-view.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import type { EncodedMessage, EncodedMessages } from './writers.ts'

const view = new LogsView()

export function writeRawLogs(parts: readonly EncodePart[]): EncodedMessages {
  const messages: EncodedMessage[] = []
  let empty = 0
  for (const part of parts) {
    const bytes = isUntouched(part) ? part.payload.bytes : flatten(encodeParts([part]))
    const index = isUntouched(part) ? part.index : indexRequest('logs', bytes)
    if (isWireFault(index)) throw new Error('edits made a request that is not valid')
    view.reset(bytes, index)
    for (let item = 0; item < index.items; item++) {
      const body = writeBody(view.moveTo(item).body)
      if (body.length === 0) empty++
      else messages.push({ key: null, chunks: [body], byteLength: body.length, items: 1 })
    }
  }
  return { messages, refused: 0, empty }
}

function writeBody(body: AnyValue): Uint8Array {
  if (body === null) return new Uint8Array(0)
  if (body instanceof Uint8Array) return body
  return Buffer.from(jsonOf(body))
}

/** As Go's encoding/json: keys in order, bytes in base64, what JSON has no number for is null. */
function jsonOf(value: AnyValue): string {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`
  if (Array.isArray(value)) return `[${(value as readonly AnyValue[]).map(jsonOf).join(',')}]`
  if (value instanceof Map) {
    const map = value as ReadonlyMap<string, AnyValue>
    const members = [...map.keys()]
      .sort()
      .map(key => `${JSON.stringify(key)}:${jsonOf(map.get(key)!)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value)
}
