/**
 * How large each trace would be as a request of its own: for each resource that its spans came under, and each time anew, the
 * resource and its scopes with those spans. Kept only where a limit by bytes asks for it.
 *
 * ```
 * trace:  closed pieces | open piece: resource, closed scopes | open scope: scope, spans
 * ```
 */
import type { Part } from '../../core/batch.ts'
import { END, PARENT, ROW, START, TAG } from '../../otlp/request-index.ts'

type Numbers = Float64Array<ArrayBuffer>

const SCOPE_LEVEL = 1
const SPAN_LEVEL = 2
const FIRST_CAPACITY = 1024
/** Seven bits of a length go into a byte. */
const VARINT_BITS = 7

export class TraceSizes {
  /** By trace. */
  #closed = new Float64Array(0)
  #messages = new Float64Array(0)
  #piece = new Float64Array(0)
  #scope = new Float64Array(0)
  /** Numbers of the resource and the scope whose spans came last; each that comes in has another number. */
  #lastResource = new Float64Array(0)
  #lastScope = new Float64Array(0)
  /** By row of the part: what a group takes without what is in it. */
  #resourceBase = new Float64Array(0)
  #scopeBase = new Float64Array(0)
  #levels: readonly Int32Array[] = []
  #resources = 1
  #scopes = 1

  /** Turns to the next part. */
  open({ index }: Part): void {
    const [resources, scopes, spans] = index.levels
    this.#resources += this.#levels.length === 0 ? 0 : this.#levels[0].length / ROW
    this.#scopes += this.#levels.length === 0 ? 0 : this.#levels[SCOPE_LEVEL].length / ROW
    this.#levels = index.levels
    this.#resourceBase = baseOf(resources, scopes, this.#resourceBase)
    this.#scopeBase = baseOf(scopes, spans, this.#scopeBase)
  }

  begin(trace: number): void {
    if (trace >= this.#closed.length) this.#grow(trace)
    this.#closed[trace] = this.#messages[trace] = this.#piece[trace] = this.#scope[trace] = 0
    this.#lastResource[trace] = this.#lastScope[trace] = 0
  }

  // hot: bench/micro/tail-sampling.ts
  add(trace: number, item: number): void {
    const spans = this.#levels[SPAN_LEVEL]
    const at = item * ROW
    const scopeRow = spans[at + PARENT]
    const scope = this.#scopes + scopeRow
    if (this.#lastScope[trace] !== scope) this.#openScope(trace, scope, scopeRow)
    this.#scope[trace] += spans[at + END] - spans[at + TAG]
  }

  /** Bytes of the trace as one request. */
  bytes(trace: number): number {
    return this.#closed[trace] + fieldSize(this.#piece[trace] + fieldSize(this.#scope[trace]))
  }

  /** The same without what goes around each resource. */
  messageBytes(trace: number): number {
    return this.#messages[trace] + this.#piece[trace] + fieldSize(this.#scope[trace])
  }

  #openScope(trace: number, scope: number, scopeRow: number): void {
    const resourceRow = this.#levels[SCOPE_LEVEL][scopeRow * ROW + PARENT]
    const resource = this.#resources + resourceRow
    if (this.#lastResource[trace] === resource) {
      this.#piece[trace] += fieldSize(this.#scope[trace])
    } else {
      if (this.#lastResource[trace] !== 0) {
        this.#closed[trace] = this.bytes(trace)
        this.#messages[trace] = this.messageBytes(trace)
      }
      this.#piece[trace] = this.#resourceBase[resourceRow]
      this.#lastResource[trace] = resource
    }
    this.#scope[trace] = this.#scopeBase[scopeRow]
    this.#lastScope[trace] = scope
  }

  #grow(trace: number): void {
    const capacity = Math.max(FIRST_CAPACITY, 2 * (trace + 1))
    this.#closed = widened(this.#closed, capacity)
    this.#messages = widened(this.#messages, capacity)
    this.#piece = widened(this.#piece, capacity)
    this.#scope = widened(this.#scope, capacity)
    this.#lastResource = widened(this.#lastResource, capacity)
    this.#lastScope = widened(this.#lastScope, capacity)
  }
}

/** Contents of the groups without the fields of what is in them. */
function baseOf(groups: Int32Array, members: Int32Array, before: Numbers): Numbers {
  const count = groups.length / ROW
  const base = before.length >= count ? before : new Float64Array(2 * count)
  for (let group = 0; group < count; group++) {
    base[group] = groups[group * ROW + END] - groups[group * ROW + START]
  }
  for (let at = 0; at < members.length; at += ROW) {
    base[members[at + PARENT]] -= members[at + END] - members[at + TAG]
  }
  return base
}

/** Of a message as a field: its tag, its length and itself. */
function fieldSize(length: number): number {
  let varint = 1
  for (let rest = length / 2 ** VARINT_BITS; rest >= 1; rest /= 2 ** VARINT_BITS) varint++
  return 1 + varint + length
}

function widened(from: Float64Array, capacity: number) {
  const to = new Float64Array(capacity)
  to.set(from)
  return to
}
