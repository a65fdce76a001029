/** The tables of header compression (RFC 7541 §2.3): the fixed one, and the one that a connection builds up. */

/** One header field. What checks need to know of its name is worked out once, when the field is made. */
export interface HeaderField {
  readonly name: string
  readonly value: string
  readonly kind: FieldKind
}

export type FieldKind =
  | 'plain'
  | ':method'
  | ':scheme'
  | ':path'
  | ':authority'
  | ':status'
  | 'te'
  | 'content-type'
  | 'content-length'
  | 'grpc-encoding'
  | 'grpc-timeout'
  | 'bad' // may not stand in a request or response: upper case, of HTTP/1 connections, an unknown pseudo-header

const KNOWN: ReadonlySet<string> = new Set<FieldKind>([
  ':method',
  ':scheme',
  ':path',
  ':authority',
  ':status',
  'te',
  'content-type',
  'content-length',
  'grpc-encoding',
  'grpc-timeout',
])

/** RFC 9113 §8.2.2. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

const GOOD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const BAD_VALUE = /[\0\r\n]/

export function createField(name: string, value: string): HeaderField {
  return { name, value, kind: kindOf(name, value) }
}

function kindOf(name: string, value: string): FieldKind {
  if (BAD_VALUE.test(value)) return 'bad'
  if (KNOWN.has(name)) return name === 'te' && value !== 'trailers' ? 'bad' : (name as FieldKind)
  return GOOD_NAME.test(name) && !OF_CONNECTIONS.has(name) ? 'plain' : 'bad'
}

/** What a field counts for in the size of a table, and of a header list: 32 bytes besides its text. */
export function fieldSize(field: HeaderField): number {
  return field.name.length + field.value.length + 32
}

/** RFC 7541 Appendix A, from index 1. */
export const STATIC_TABLE: readonly HeaderField[] = [
  ':authority',
  ':method GET',
  ':method POST',
  ':path /',
  ':path /index.html',
  ':scheme http',
  ':scheme https',
  ...[200, 204, 206, 304, 400, 404, 500].map(status => `:status ${status}`),
  'accept-charset',
  'accept-encoding gzip, deflate',
  'accept-language',
  'accept-ranges',
  'accept',
  'access-control-allow-origin',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'refresh',
  'retry-after',
  'server',
  'set-cookie',
  'strict-transport-security',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
].map(entry => {
  const space = entry.indexOf(' ')
  return space < 0
    ? createField(entry, '')
    : createField(entry.slice(0, space), entry.slice(space + 1))
})

/** The fields of one direction of a connection, newest first, within a size that the reader has set. */
export class DynamicTable {
  /** A ring: the newest at `#head`. */
  #fields: (HeaderField | undefined)[] = new Array(64).fill(undefined)
  #head = 0
  #count = 0
  #size = 0
  #maxSize: number

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get count(): number {
    return this.#count
  }

  /** 0 is the newest. */
  at(index: number): HeaderField | undefined {
    if (index >= this.#count) return undefined
    return this.#fields[(this.#head + index) & (this.#fields.length - 1)]
  }

  /** One that is larger than the whole table empties it (RFC 7541 §4.4). */
  add(field: HeaderField): void {
    const size = fieldSize(field)
    this.#evict(this.#maxSize - size)
    if (size > this.#maxSize) return
    if (this.#count === this.#fields.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#fields.length - 1)
    this.#fields[this.#head] = field
    this.#count++
    this.#size += size
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize
    this.#evict(maxSize)
  }

  #evict(size: number): void {
    while (this.#count > 0 && this.#size > size) {
      const last = (this.#head + --this.#count) & (this.#fields.length - 1)
      this.#size -= fieldSize(this.#fields[last] as HeaderField)
      this.#fields[last] = undefined
    }
  }

  #grow(): void {
    const fields: (HeaderField | undefined)[] = new Array(this.#fields.length * 2).fill(undefined)
    for (let i = 0; i < this.#count; i++) fields[i] = this.at(i)
    this.#fields = fields
    this.#head = 0
  }
}
