/** What a record's context says: where it stood, and its headers. Made into texts only when somebody asks. */
import type { RequestContext } from '../../core/batch.ts'
import type { FetchedHeader, FetchedRecord, TopicPartition } from '../../net/kafka/client.ts'

const NO_HEADERS: readonly (readonly [string, readonly string[]])[] = []

export class RecordContext implements RequestContext {
  readonly peer = ''
  readonly #place: TopicPartition
  readonly #offset: number
  readonly #headers: readonly (readonly [string, readonly string[]])[]
  #metadata: ReadonlyMap<string, readonly string[]> | null = null

  /** Headers are copied: their bytes would keep the whole fetch in memory. */
  constructor(place: TopicPartition, { offset, headers }: FetchedRecord, takesHeaders: boolean) {
    this.#place = place
    this.#offset = offset
    this.#headers = takesHeaders && headers.length > 0 ? textsOf(headers) : NO_HEADERS
  }

  get metadata(): ReadonlyMap<string, readonly string[]> {
    if (this.#metadata === null) {
      const metadata = new Map<string, readonly string[]>(this.#headers)
      metadata.set('kafka.topic', [this.#place.topic])
      metadata.set('kafka.partition', [String(this.#place.partition)])
      metadata.set('kafka.offset', [String(this.#offset)])
      this.#metadata = metadata
    }
    return this.#metadata
  }
}

function textsOf(headers: readonly FetchedHeader[]): [string, readonly string[]][] {
  const texts = new Map<string, string[]>()
  for (const { key, value } of headers) {
    const name = key.toLowerCase()
    const text = value === null ? '' : Buffer.from(value).toString('utf8')
    const before = texts.get(name)
    if (before === undefined) texts.set(name, [text])
    else before.push(text)
  }
  return [...texts]
}

/** Bytes that the headers of a record take. */
export function headerBytes(headers: readonly FetchedHeader[]): number {
  let bytes = 0
  for (const { key, value } of headers) bytes += key.length + (value?.length ?? 0)
  return bytes
}
