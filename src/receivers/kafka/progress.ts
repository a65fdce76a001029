/**
 * Which records of one partition are done. Committed is the prefix: all before `next`. Records beyond it may be done
 * already, because several are on their way at a time; they are not taken a second time when they are fetched again.
 *
 * ```
 * offsets   4 5 6 8 9 ...       next = 6 while 6 is on its way
 * issued    . . 6 8 9           in order; offsets may have gaps (compaction, transactions)
 * done            8             beyond the prefix
 * ```
 */
export class Progress {
  /** Offset to be read next; -1 while nothing is known. */
  next = -1
  readonly #issued: number[] = []
  readonly #done = new Set<number>()

  /** Records come from `offset` on. Nothing is on its way; records before it that were not done are there no more. */
  begin(offset: number): void {
    this.#issued.length = 0
    for (const each of this.#done) if (each < offset) this.#done.delete(each)
    if (this.next < offset) this.next = offset
  }

  /** The partition is another one than it was, or lost its end: offsets begin anew at `offset`. */
  rewind(offset: number): void {
    this.#issued.length = 0
    this.#done.clear()
    this.next = offset
  }

  isDone(offset: number): boolean {
    return offset < this.next || this.#done.has(offset)
  }

  /** Ascending between two calls of `begin`. Of a record that is done already, only the prefix learns. */
  issue(offset: number): void {
    if (offset < this.next) return
    const { length } = this.#issued
    if (length > 0 && this.#issued[length - 1] >= offset) return
    this.#issued.push(offset)
    if (this.#done.has(offset)) this.#advance()
  }

  finish(offset: number): void {
    if (offset < this.next) return
    this.#done.add(offset)
    this.#advance()
  }

  #advance(): void {
    let first = this.#issued[0]
    while (first !== undefined && this.#done.delete(first)) {
      this.next = first + 1
      this.#issued.shift()
      first = this.#issued[0]
    }
  }
}
