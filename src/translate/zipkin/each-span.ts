/** Walks the spans of a batch that are still in, each as Zipkin has it; edits are laid out before. */
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { type EncodePart, isUntouched } from '../../otlp/encode-part.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, PARENT, type RequestIndex, ROW } from '../../otlp/request-index.ts'
import type { Selection } from '../../otlp/selection.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { asBuffer } from '../../otlp/wire-reader.ts'
import { ZipkinSpan } from './from-span.ts'

/** What became of a batch. */
export interface ZipkinMessage {
  readonly bytes: Uint8Array
  readonly spans: number
  /** Spans without a valid trace or span id: Zipkin cannot take them. */
  readonly refused: number
}

/** The two things that a format does. */
export interface SpanWriter {
  write(span: ZipkinSpan): void
  finish(): Uint8Array
}

const view = new TracesView()
const span = new ZipkinSpan()

export function writeSpans(parts: readonly EncodePart[], writer: SpanWriter): ZipkinMessage {
  let spans = 0
  let refused = 0
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
        spans++
      } else refused++
    }
  }
  return { bytes: writer.finish(), spans, refused }
}
