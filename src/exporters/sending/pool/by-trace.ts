/** Requests by trace: which endpoint each span or log record belongs to, and a batch cut so that each piece has one. */
import { Batch, type Part } from '../../../core/batch.ts'
import { LogsView } from '../../../otlp/logs-view.ts'
import { ROW, START } from '../../../otlp/request-index.ts'
import { Selection } from '../../../otlp/selection.ts'
import { TracesView } from '../../../otlp/traces-view.ts'
import { hashOf, hashText } from './hash.ts'

const ID_BYTES = 16
/** A span usually begins with its trace id: field 1, length-delimited. */
const USUAL_TAG = (1 << 3) | 2

/** Of an item: its trace, or the tenant where there is none. */
type KeyOfItem = (part: Part, item: number) => number

export function keysByTrace({ signal, tenant }: Pick<Batch, 'signal' | 'tenant'>): KeyOfItem {
  const ofTenant = hashText(tenant)
  if (signal === 'metrics') return () => ofTenant
  const view = signal === 'traces' ? new TracesView() : new LogsView()
  let seen: Part | null = null
  const readId = (part: Part, item: number): Uint8Array => {
    if (part !== seen) view.reset(part.payload.bytes, part.index)
    seen = part
    return view.moveTo(item).traceIdBytes
  }
  // hot: bench/micro/sending.ts
  return (part, item) => {
    const { bytes } = part.payload
    if (signal === 'traces') {
      const start = part.index.levels[2][item * ROW + START]
      if (bytes[start] === USUAL_TAG && bytes[start + 1] === ID_BYTES) {
        return hashOf(bytes, start + 2, start + 2 + ID_BYTES)
      }
    }
    const id = readId(part, item)
    return id.length === 0 ? ofTenant : hashOf(id, 0, id.length)
  }
}

/** Of the first item that is still in: all that a batch which was cut has to go by. */
export function hashOfFirstTrace(batch: Batch): number {
  for (const part of batch.parts) {
    const item = firstOf(part)
    if (item >= 0) return keysByTrace(batch)(part, item)
  }
  return hashText(batch.tenant)
}

function firstOf({ selection, index }: Part): number {
  if (selection === null) return index.items > 0 ? 0 : -1
  for (let item = selection.from; item < selection.to; item++) if (selection.has(item)) return item
  return -1
}

/**
 * One batch for each owner; null when all items have the same, and the batch stays as it is. Otherwise it is used up.
 * Nothing is copied: pieces are selections over the same payloads.
 */
export function cutByOwner<T>(
  batch: Batch,
  ownerOf: (part: Part, item: number) => T,
): readonly Batch[] | null {
  const groups = new Map<T, Part[]>()
  for (const part of batch.parts) {
    for (const [owner, selection] of sortItems(part, ownerOf)) {
      const parts = groups.get(owner) ?? []
      parts.push({ ...part, selection, items: selection.count })
      groups.set(owner, parts)
    }
  }
  if (groups.size <= 1) return null
  const pieces = [...groups.values()].map(parts => {
    for (const { payload } of parts) payload.retain()
    return new Batch(batch.signal, batch.tenant, batch.context, parts)
  })
  batch.release()
  return pieces
}

function sortItems<T>(
  part: Part,
  ownerOf: (part: Part, item: number) => T,
): ReadonlyMap<T, Selection> {
  const { selection, index } = part
  const found = new Map<T, Selection>()
  const from = selection?.from ?? 0
  const to = selection?.to ?? index.items
  let last: T | null = null
  let own: Selection | undefined
  for (let item = from; item < to; item++) {
    if (selection !== null && !selection.has(item)) continue
    const owner = ownerOf(part, item)
    // Spans of one trace often follow each other.
    if (own === undefined || owner !== last) own = found.get(owner)
    if (own === undefined) found.set(owner, (own = Selection.none(index.items)))
    last = owner
    own.set(item)
  }
  return found
}
