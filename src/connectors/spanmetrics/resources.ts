/**
 * Resources whose spans are counted. One is found again by its very bytes, and only when those are new by what they mean:
 * attributes in another order are the same resource, as are those that differ in attributes which do not tell apart.
 */
import { readAnyValue } from '../../otlp/any-value.ts'
import { asBuffer, FieldCursor } from '../../otlp/wire-reader.ts'
import { asString } from '../../rules/as-string.ts'
import { type Fallback, keyValue, type Pair, readPairs } from './dimensions.ts'
import { SeriesTable } from './series.ts'

/** ResourceSpans.resource, Resource.attributes. */
const RESOURCE = 1
const ATTRIBUTES = 1
const SERVICE_NAME = 'service.name'

/** Bytes of resources that are remembered, in number and size of each. */
const MAX_KNOWN = 1024
const MAX_KNOWN_BYTES = 4 << 10
/** Of a resource besides its attributes. */
const GROUP_BYTES = 1024

/** A resource with more attributes is not kept; its spans are counted with what is too much. */
export const MAX_RESOURCE_BYTES = 256 << 10

/** What is counted for one resource. */
export class ResourceGroup {
  readonly key: string
  /** The content of each KeyValue. */
  readonly attributes: readonly Uint8Array[]
  readonly calls = new SeriesTable()
  /** The same table where calls and durations have the same dimensions. */
  readonly durations: SeriesTable
  readonly events = new SeriesTable()
  readonly bytes: number
  lastSeenMs: number
  /** Grows with each batch that has it. */
  lastUse = 0
  /** To be let go once it is told. */
  isEvicted = false

  constructor(key: string, attributes: readonly Uint8Array[], isShared: boolean, nowMs: number) {
    this.key = key
    this.attributes = attributes
    this.durations = isShared ? this.calls : new SeriesTable()
    this.lastSeenMs = nowMs
    this.bytes = attributes.reduce((sum, each) => sum + each.length + 100, GROUP_BYTES + key.length)
  }

  get tables(): readonly SeriesTable[] {
    return this.durations === this.calls
      ? [this.calls, this.events]
      : [this.calls, this.durations, this.events]
  }
}

/** A resource as it stands in a request. */
export interface SeenResource extends Fallback {
  /** Null: it has no `service.name`, and its spans are not counted. */
  readonly service: string | null
  readonly serviceBytes: Uint8Array
  /** The same for all that count as one resource. */
  readonly key: string
  readonly pairs: readonly Pair[]
  /** Null until its first span is counted, and again after its group is gone. */
  group: ResourceGroup | null
}

export interface ResourceOptions {
  /** Wanted keys, by number. */
  readonly names: readonly string[]
  /** Empty: all attributes. */
  readonly keyAttributes: readonly string[]
}

export class SeenResources {
  readonly #options: ResourceOptions
  readonly #keyAttributes: ReadonlySet<string>
  readonly #known = new Map<string, SeenResource>()
  #last: SeenResource | null = null
  #lastBytes: Uint8Array = new Uint8Array(0)

  constructor(options: ResourceOptions) {
    this.#options = options
    this.#keyAttributes = new Set(options.keyAttributes)
  }

  /** Groups are gone. */
  forget(): void {
    this.#known.clear()
    this.#last = null
  }

  /** The resource of the ResourceSpans whose content is `start` to `end`. */
  find(bytes: Uint8Array, start: number, end: number): SeenResource {
    const raw = rawResource(bytes, start, end)
    if (this.#last !== null && Buffer.compare(raw, this.#lastBytes) === 0) return this.#last
    const isShort = raw.length <= MAX_KNOWN_BYTES
    const name = isShort ? asBuffer(raw).toString('latin1') : ''
    let seen = isShort ? this.#known.get(name) : undefined
    if (seen === undefined) {
      // Its own bytes: what is remembered must not hold a request.
      seen = this.#read(raw.slice())
      if (this.#known.size >= MAX_KNOWN) this.#known.clear()
      if (isShort) this.#known.set(name, seen)
    }
    this.#last = isShort ? seen : null
    this.#lastBytes = isShort ? raw.slice() : new Uint8Array(0)
    return seen
  }

  #read(raw: Uint8Array): SeenResource {
    const pairs = readPairs(raw, 0, raw.length, ATTRIBUTES)
    const find = (name: string): Uint8Array | null => {
      const pair = pairs.find(({ key }) => key === name)
      return pair === undefined ? null : raw.subarray(pair.start, pair.end)
    }
    const service = find(SERVICE_NAME)
    const name = service === null ? null : readAnyValue(service, 0, service.length)
    // As upstream: what is no string counts as the empty one.
    const text = typeof name === 'string' ? name : ''
    return {
      service: service === null ? null : text,
      serviceBytes: Buffer.from(text),
      key: this.#keyOf(pairs),
      values: this.#options.names.map(find),
      pairs,
      group: null,
    }
  }

  #keyOf(pairs: readonly Pair[]): string {
    const keys = this.#keyAttributes
    const telling = keys.size === 0 ? pairs : pairs.filter(({ key }) => keys.has(key))
    return JSON.stringify(
      telling.map(({ key, bytes, start, end }) => {
        const value = readAnyValue(bytes, start, end)
        return [key, typeof value, asString(value)]
      }),
    )
  }
}

/** The attributes of a resource, to stand on its metrics. */
export function attributesOf({ pairs }: SeenResource): Uint8Array[] {
  return pairs.map(({ key, bytes, start, end }) => keyValue(key, bytes.subarray(start, end)))
}

/** Content of the resource message; a sender may write it in several pieces, which protobuf merges. */
function rawResource(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const pieces: Uint8Array[] = []
  const field = new FieldCursor(bytes, start, end)
  while (field.next()) {
    if (field.number === RESOURCE) pieces.push(bytes.subarray(field.start, field.end))
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
}
