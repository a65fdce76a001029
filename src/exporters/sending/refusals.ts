/** What a destination has refused of one batch while it took other items of it, gathered by reason. */
import type { EncodePart } from '../../otlp/encode-part.ts'
import type { Refused } from './sender.ts'

interface Gathered {
  readonly reason: string
  /** Of the first of them. */
  readonly message: string
  items: number
  readonly parts: EncodePart[] | null
}

export class Refusals {
  readonly #known: Gathered[] = []
  items = 0

  /** `parts` are these items alone; null where it is not known which they are. */
  add(reason: string, message: string, items: number, parts: readonly EncodePart[] | null): void {
    if (items === 0) return
    this.items += items
    const same = this.#known.find(
      known => known.reason === reason && (known.parts === null) === (parts === null),
    )
    if (same === undefined) {
      this.#known.push({ reason, message, items, parts: parts === null ? null : [...parts] })
      return
    }
    same.items += items
    if (parts !== null) same.parts!.push(...parts)
  }

  get list(): readonly Refused[] {
    return this.#known
  }

  /** Undefined where nothing was refused. */
  get first(): Refused | undefined {
    return this.#known[0]
  }
}
