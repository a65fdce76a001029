/**
 * The walk that turns one part into steps on a tape. It goes through the groups in document order; whatever it says
 * nothing about is copied, so untouched neighbours, groups and everything between them become one range.
 *
 * - A group of which no item is left vanishes; one that never had an item stays with its parent.
 * - A data message of a metric vanishes only with the metric: protobuf merges several of them into one.
 * - A group with a change inside gets its length prefix anew; if its length is the same, the sender's own stays.
 * - A splice belongs to the innermost group that holds it; an insertion where a child ends goes into that child.
 */

import type { EncodePart } from './encode-part.ts'
import { type LayoutWindow, openWindow } from './layout-window.ts'
import { END, PARENT, ROW, START, TAG } from './request-index.ts'
import {
  DATA_LEVEL,
  lengthOffset,
  lowerBound,
  REQUEST,
  type RequestShape,
} from './request-shape.ts'
import type { Selection } from './selection.ts'
import { CUT_FROM, CUT_TO, Edits, SPLICE } from './splice.ts'
import type { Tape } from './tape.ts'

/** What a walk through a group found: items at all, items that are still in. */
const HAD = 1
const LIVE = 2

const NO_EDITS = new Edits()
const NO_ROWS: readonly Int32Array[] = []
const NO_BYTES = new Uint8Array(0)
const NEVER = 0x7fff_ffff

/** One instance serves one part after another; `release` lets go of the last one's bytes. */
export class Layout {
  readonly #tape: Tape
  #bytes: Uint8Array = NO_BYTES
  #levels = NO_ROWS
  #last = 0
  #selection: Selection | null = null
  #window: LayoutWindow | null = null
  #shape: RequestShape | null = null
  #splices: Int32Array = NO_EDITS.words
  #spliceCount = 0
  /** Next splice and its start. */
  #splice = 0
  #spliceStart = NEVER
  /** By level: the row that comes next. */
  readonly #cursor = new Int32Array(5)

  constructor(tape: Tape) {
    this.#tape = tape
  }

  /** Appends the steps of a part to the tape and returns how many bytes they make. */
  plan(part: EncodePart): number {
    const tape = this.#tape
    const { index, selection } = part
    this.#bytes = part.payload.bytes
    this.#levels = index.levels
    this.#last = index.levels.length - 1
    this.#selection = selection
    const edits = part.edits ?? NO_EDITS
    edits.sort()
    this.#splices = edits.words
    this.#spliceCount = edits.size
    this.#seekSplice(0)
    this.#window = selection === null ? null : openWindow(index, selection)
    this.#shape = this.#window === null ? null : this.#window.shape
    this.#cursor.fill(0)
    if (this.#window !== null) this.#cursor.set(this.#window.start)
    tape.begin()
    const first = tape.length
    const length = this.#bytes.length
    if (this.#children(REQUEST, 0, 0, length) === HAD) tape.rewind(first, 0, length)
    else tape.copyTo(length)
    return tape.size
  }

  release(): void {
    this.#bytes = NO_BYTES
    this.#levels = NO_ROWS
    this.#selection = null
    this.#window = null
    this.#shape = null
    this.#splices = NO_EDITS.words
    this.#spliceCount = 0
  }

  /** The content of a group: its children, and the splices between them. */
  #children(level: number, row: number, start: number, end: number): number {
    const child = level + 1
    const window = this.#window
    let found = 0
    let limit = this.#levels[child].length / ROW
    let cutRight = false
    if (window !== null) {
      if (window.leftParent[child] === row) {
        found = HAD
        this.#before(window, child, row, start, end)
      }
      if (window.rightParent[child] === row) {
        found = HAD
        limit = window.end[child]
        cutRight = true
      }
    }
    found |= child === this.#last ? this.#items(row, limit) : this.#groups(child, row, limit)
    if (cutRight) this.#after(child, row, start, end)
    this.#own(end)
    return found
  }

  // hot: bench/micro/encode.ts
  #items(parent: number, limit: number): number {
    const rows = this.#levels[this.#last]
    const selection = this.#selection
    const tape = this.#tape
    let item = this.#cursor[this.#last]
    let found = item < limit && rows[item * ROW + PARENT] === parent ? HAD : 0
    for (; item < limit && rows[item * ROW + PARENT] === parent; item++) {
      const end = rows[item * ROW + END]
      if (selection === null || selection.has(item)) {
        found |= LIVE
        if (this.#spliceStart <= end) this.#editItem(item)
      } else {
        if (this.#spliceStart <= end) {
          this.#own(rows[item * ROW + TAG])
          this.#seekSplice(end, true)
        }
        tape.cut(rows[item * ROW + TAG], end)
      }
    }
    this.#cursor[this.#last] = item
    return found
  }

  #editItem(item: number): void {
    const rows = this.#levels[this.#last]
    const end = rows[item * ROW + END]
    this.#own(rows[item * ROW + TAG])
    if (this.#spliceStart > end) return
    const start = rows[item * ROW + START]
    const tape = this.#tape
    const { length, size, from } = tape
    const prefix = this.#openGroup(this.#last, item)
    const before = tape.size
    this.#own(end)
    if (tape.from === start && tape.length === prefix + 2) tape.rewind(length, size, from)
    else this.#closeGroup(prefix, before, start, end)
  }

  /** The children of a parent that are groups themselves. */
  #groups(level: number, parent: number, limit: number): number {
    const rows = this.#levels[level]
    let found = 0
    let row = this.#cursor[level]
    for (; row < limit && rows[row * ROW + PARENT] === parent; row++) {
      if (this.#spliceStart <= rows[row * ROW + TAG]) {
        this.#own(rows[row * ROW + TAG])
        if (this.#isCut(level, row)) {
          found |= HAD
          continue
        }
      }
      found |= this.#group(level, row)
    }
    this.#cursor[level] = row
    return found
  }

  /** Whether a splice cuts the whole group, which must be one without items; then it is put in its place. */
  #isCut(level: number, row: number): boolean {
    const rows = this.#levels[level]
    if (this.#spliceStart !== rows[row * ROW + TAG]) return false
    if (this.#splices[this.#splice * SPLICE + CUT_TO] !== rows[row * ROW + END]) return false
    this.#own(rows[row * ROW + END])
    let parent = row
    for (let below = level + 1; below < this.#last; below++) {
      const children = this.#levels[below]
      let child = this.#cursor[below]
      while (child * ROW < children.length && children[child * ROW + PARENT] <= parent) child++
      this.#cursor[below] = child
      parent = child - 1
    }
    return true
  }

  #group(level: number, row: number): number {
    const tape = this.#tape
    const rows = this.#levels[level]
    const start = rows[row * ROW + START]
    const end = rows[row * ROW + END]
    const { length, size, from } = tape
    const prefix = this.#openGroup(level, row)
    const before = tape.size
    const found = this.#children(level, row, start, end)
    if (found === HAD && level !== DATA_LEVEL) {
      tape.rewind(length, size, from)
      tape.cut(rows[row * ROW + TAG], end)
    } else if (tape.from === start && tape.length === prefix + 2) {
      tape.rewind(length, size, from)
    } else this.#closeGroup(prefix, before, start, end)
    return found
  }

  /** Copies up to a group's length prefix and leaves room for it. */
  #openGroup(level: number, row: number): number {
    const tape = this.#tape
    const rows = this.#levels[level]
    tape.copyTo(lengthOffset(this.#bytes, rows, row))
    const prefix = tape.openPrefix()
    tape.from = rows[row * ROW + START]
    return prefix
  }

  #closeGroup(prefix: number, before: number, start: number, end: number): void {
    const tape = this.#tape
    const content = tape.size - before + end - tape.from
    if (content !== end - start) tape.fillPrefix(prefix, content)
    else tape.keepPrefix(prefix, prefixOffset(this.#bytes, start), start)
  }

  /** Puts the splices that end by `limit`: they stand in the group itself, after the children that are done. */
  #own(limit: number): void {
    const splices = this.#splices
    const count = this.#spliceCount
    const tape = this.#tape
    let i = this.#splice
    let at = i * SPLICE
    for (; i < count && splices[at + CUT_TO] <= limit; i++, at += SPLICE) {
      if (splices[at + CUT_FROM] < tape.from) throw new Error('a splice crosses a group border')
      tape.splice(i, splices)
    }
    this.#splice = i
    this.#spliceStart = i < count ? splices[at + CUT_FROM] : NEVER
    if (this.#spliceStart < limit) throw new Error('a splice crosses a group border')
  }

  /** Passes over the splices before `offset`; with `inserts` also over the insertions at it. */
  #seekSplice(offset: number, inserts = false): void {
    const splices = this.#splices
    let low = offset === 0 ? 0 : this.#splice
    const count = this.#spliceCount
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (splices[middle * SPLICE + CUT_FROM] < offset) low = middle + 1
      else high = middle
    }
    if (inserts) while (low < count && splices[low * SPLICE + CUT_TO] === offset) low++
    this.#splice = low
    this.#spliceStart = low < count ? splices[low * SPLICE + CUT_FROM] : NEVER
  }

  /** Of a group that begins before the window: keeps the envelope, leaves out the children with items. */
  #before(window: LayoutWindow, child: number, row: number, start: number, end: number): void {
    const gaps = window.shape.gaps(child - 1, row, start, end)
    const first = this.#levels[child][window.start[child] * ROW + TAG]
    let pos = start
    for (let i = 0; i < gaps.length && gaps[i] < first; i += 2) {
      this.#gap(child, row, pos, gaps[i], gaps[i + 1])
      pos = gaps[i + 1]
    }
    if (pos < first) {
      this.#seekSplice(first, true)
      this.#tape.cut(pos, first)
    }
    this.#cursor.set(window.start.subarray(child), child)
  }

  /** The same for what comes after the window. */
  #after(child: number, row: number, start: number, end: number): void {
    const gaps = this.#shape!.gaps(child - 1, row, start, end)
    const rows = this.#levels[child]
    let pos = rows[(this.#window!.end[child] - 1) * ROW + END]
    let i = lowerBoundPair(gaps, pos)
    for (; i < gaps.length; i += 2) {
      this.#gap(child, row, pos, gaps[i], gaps[i + 1])
      pos = gaps[i + 1]
    }
    if (pos < end) {
      this.#seekSplice(end, true)
      this.#tape.cut(pos, end)
    }
  }

  /** Cuts from `pos` to the envelope stretch `start`..`end` and goes through that, with its groups without items. */
  #gap(child: number, parent: number, pos: number, start: number, end: number): void {
    if (pos < start) {
      this.#seekSplice(start, true)
      this.#tape.cut(pos, start)
    }
    if (this.#spliceStart > end) return
    if (child < this.#last) {
      const rows = this.#levels[child]
      this.#cursor[child] = lowerBound(rows, TAG, start)
      for (let level = child + 1; level <= this.#last; level++) {
        this.#cursor[level] = lowerBound(this.#levels[level], PARENT, this.#cursor[level - 1])
      }
      this.#groups(child, parent, lowerBound(rows, TAG, end))
    }
    this.#own(end)
  }
}

/** First index of a list of [start, end) pairs whose start is at least `offset`. */
function lowerBoundPair(pairs: Int32Array, offset: number): number {
  let low = 0
  let high = pairs.length >>> 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (pairs[middle * 2] < offset) low = middle + 1
    else high = middle
  }
  return low * 2
}

/** Reads a length prefix backwards: all of its bytes but the last have the top bit, the last of the tag has not. */
function prefixOffset(bytes: Uint8Array, start: number): number {
  let pos = start - 1
  while (bytes[pos - 1] > 0x7f) pos--
  return pos
}
