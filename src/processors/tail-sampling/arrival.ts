/**
 * Asks all conditions of the spans of one part, so that a trace need not be looked at again when it is decided. What holds for
 * a resource is asked once and holds for each of its spans.
 */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import { PARENT, type RequestIndex, ROW } from '../../otlp/request-index.ts'
import type { Conditions } from './conditions.ts'
import { LevelTests, RESOURCE_LEVEL, SPAN_LEVEL, TIMES } from './level-tests.ts'
import { OttlTests } from './ottl-tests.ts'

const SCOPE_LEVEL = 1

export class Arrival {
  /** By item of the part, `words` words each; only those of selected items count. */
  bits = new Uint32Array(0)
  /** By item, `TIMES` numbers each; only when a condition asks how long the trace took. */
  times = new Float64Array(0)
  readonly words: number
  readonly #spans: LevelTests
  readonly #resources: LevelTests
  readonly #ottl: OttlTests | null
  readonly #plainWords: number
  readonly #wantsTimes: boolean
  readonly #ofResource: Uint32Array

  /** `wantsTimes`: starts and ends are needed whatever the conditions ask. */
  constructor(conditions: Conditions, log: Logger, wantsTimes = false) {
    this.words = conditions.words
    this.#plainWords = conditions.plainWords
    this.#wantsTimes = wantsTimes || conditions.plain.some(({ kind }) => kind === 'took')
    this.#spans = new LevelTests(SPAN_LEVEL, conditions.plain, this.#wantsTimes)
    this.#resources = new LevelTests(RESOURCE_LEVEL, conditions.plain, false)
    this.#ottl = conditions.ottl.length === 0 ? null : new OttlTests(conditions, log)
    this.#ofResource = new Uint32Array(this.words)
  }

  // hot: bench/micro/tail-sampling.ts
  /** The part carries no edits. */
  scan(part: Part, request: RequestContext): void {
    const { index } = part
    this.#makeRoom(index.items)
    if (this.#spans.size + this.#resources.size > 0 || this.#wantsTimes) this.#scanSlots(part)
    this.#ottl?.scan(part, request, this.bits, this.words, this.#plainWords)
  }

  #makeRoom(items: number): void {
    const words = items * this.words
    if (this.bits.length < words) this.bits = new Uint32Array(2 * words)
    else this.bits.fill(0, 0, words)
    if (this.#wantsTimes && this.times.length < items * TIMES) {
      this.times = new Float64Array(2 * items * TIMES)
    }
  }

  #scanSlots({ payload, index, selection }: Part): void {
    const { bytes } = payload
    const spans = this.#spans
    const resources = this.#resources
    spans.open(bytes, index)
    resources.open(bytes, index)
    const from = selection === null ? 0 : selection.from
    const to = selection === null ? index.items : selection.to
    let resource = -1
    for (let item = from; item < to; item++) {
      if (selection !== null && !selection.has(item)) continue
      if (resources.size > 0) {
        const next = resourceOf(index, item)
        if (next !== resource) {
          resource = next
          this.#ofResource.fill(0)
          resources.test(resource, this.#ofResource, 0)
        }
        for (let w = 0; w < this.#plainWords; w++) {
          this.bits[item * this.words + w] = this.#ofResource[w]
        }
      }
      spans.test(item, this.bits, item * this.words)
      if (this.#wantsTimes) spans.times(item, this.times)
    }
    spans.close()
    resources.close()
  }
}

function resourceOf({ levels }: RequestIndex, item: number): number {
  const scope = levels[SPAN_LEVEL][item * ROW + PARENT]
  return levels[SCOPE_LEVEL][scope * ROW + PARENT]
}
