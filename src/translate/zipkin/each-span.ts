/** Walks the spans of a batch that are still in, each as Zipkin has it; edits are laid out before. */
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { type EncodePart, isUntouched } from '../../otlp/encode-part.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, PARENT, type RequestIndex, ROW } from '../../otlp/request-index.ts'
import type { Selection } from '../../otlp/selection.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { UNKNOWN_SERVICE, ZipkinSpan } from './from-span.ts'

/** What became of a batch. */
export interface ZipkinMessage {
  readonly bytes: Uint8Array
  readonly spans: number
  /** Spans without a valid trace or span id: Zipkin cannot take them. */
  readonly refused: number
  /** Where each span ends in the bytes, so that whoever sends may cut between them. */
  readonly ends: readonly number[]
}

export interface ZipkinOptions {
  /** Name of services that have none. */
  readonly unnamedService?: string
}

/** The two things that a format does. */
export interface SpanWriter {
  /** Bytes written so far. */
  readonly length: number
  /** Forgets what an attempt that failed has left. */
  begin(): void
  write(span: ZipkinSpan): void
  finish(): Uint8Array
}

const view = new TracesView()
const span = new ZipkinSpan()

export function writeSpans(
  parts: readonly EncodePart[],
  writer: SpanWriter,
  { unnamedService = UNKNOWN_SERVICE }: ZipkinOptions = {},
): ZipkinMessage {
  const ends: number[] = []
  let refused = 0
  span.unnamedService = unnamedService
  writer.begin()
  for (const part of parts) {
    let { bytes } = part.payload
    let index: RequestIndex = part.index
    let selection: Selection | null = part.selection
    if (!isUntouched(part) && part.edits !== null && part.edits.size > 0) {
      bytes = flatten(encodeParts([part]))
      const laidOut = indexRequest('traces', bytes)
      if (isWireFault(laidOut)) throw new Error('edits made a request that is not valid')
      index = laidOut
      selection = null
    }
    // One Buffer for the batch spares each text of a tag one of its own.
    view.reset(asBuffer(bytes), index)
    const rows = index.levels[2]
    let scope = -1
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const current = view.moveTo(item)
      const parent = rows[item * ROW + PARENT]
      if (parent !== scope) span.moveOrigin(view)
      scope = parent
      if (span.move(current)) {
        writer.write(span)
        ends.push(writer.length)
      } else refused++
    }
  }
  return { bytes: writer.finish(), spans: ends.length, refused, ends }
}
