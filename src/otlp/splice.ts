/**
 * Changes to a request as a list of splices: cut this range of the payload, put these bytes. The bytes are laid
 * out once, when the batch is encoded; the length prefixes of all groups around a splice are made anew there.
 *
 * A splice covers whole fields (tag, length and content) that stand directly in one indexed message: to change an
 * attribute's value, cut the whole KeyValue field of the span and put a new one. A resource is no indexed message:
 * cut the whole resource field of its group.
 *
 * A splice may also cut a whole group that has no items; the groups around it vanish with it when nothing else is left.
 *
 * An insertion at an offset where groups end goes into the innermost of them (appends to the span); one into the
 * group around it stands at that group's content start or between its own fields.
 */

export interface Splice {
  /** Payload offset of the first byte to cut. */
  readonly start: number
  /** Payload offset after the last byte to cut; equal to `start` for an insertion. */
  readonly end: number
  /** What stands there instead, from `from` up to `to`: zero or more whole fields. */
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

export class Edits {
  readonly #splices: Splice[] = []
  #sorted = true

  /** Splices must not overlap; insertions at one offset keep the order in which they were added. */
  add(start: number, end: number, bytes: Uint8Array, from = 0, to = bytes.length): void {
    const last = this.#splices[this.#splices.length - 1]
    if (last !== undefined && start < last.end) this.#sorted = false
    this.#splices.push({ start, end, bytes, from, to })
  }

  get size(): number {
    return this.#splices.length
  }

  /** By start offset. Throws when two of them overlap: that is a fault of the editor, not of the data. */
  sorted(): readonly Splice[] {
    if (this.#sorted) return this.#splices
    this.#splices.sort((a, b) => a.start - b.start || a.end - b.end)
    for (let i = 1; i < this.#splices.length; i++) {
      if (this.#splices[i].start < this.#splices[i - 1].end) throw new Error('splices overlap')
    }
    this.#sorted = true
    return this.#splices
  }
}
