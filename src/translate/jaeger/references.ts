/**
 * References of a span: one of them may be its parent, the others become links. They are kept until the span ends,
 * because its own ids may come after them.
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { appendText, MAX_TAGS } from './tag-sink.ts'
import * as T from './tags.ts'

const WORDS = 7
const FIRST_ROWS = 16
/** Larger tables are not kept for the next request. */
const KEPT_ROWS = 1024

const CHILD_OF = 0
const FOLLOWS_FROM = 1

const LINK_FIELD = 0x6a
/** Bytes that a link takes at most: ids, and the attribute that keeps the type. */
const LINK_BYTES = 96

export class References {
  count = 0
  #rows = new Int32Array(FIRST_ROWS * WORDS)
  /** The reference that is being read: type, trace id in 4 words, span id in 2. */
  readonly ids = new Int32Array(WORDS)

  release(): void {
    if (this.#rows.length > KEPT_ROWS * WORDS) this.#rows = new Int32Array(FIRST_ROWS * WORDS)
  }

  begin(): void {
    this.ids.fill(0)
  }

  /** Keeps the reference; false when there are too many. */
  add(): boolean {
    if (this.count === MAX_TAGS) return false
    const at = this.count++ * WORDS
    if (at === this.#rows.length) {
      const grown = new Int32Array(this.#rows.length * 2)
      grown.set(this.#rows)
      this.#rows = grown
    }
    for (let i = 0; i < WORDS; i++) this.#rows[at + i] = this.ids[i]
    return true
  }

  /** Bytes that the links take at most. */
  get room(): number {
    return this.count * LINK_BYTES
  }

  /** Sets the parent, when the span did not name it: the first in its trace that it is a child of, else that it follows. */
  findParent(span: Int32Array): void {
    if ((span[6] | span[7]) !== 0) return
    const rows = this.#rows
    let follows = -1
    for (let at = 0; at < this.count * WORDS; at += WORDS) {
      if (!isTrace(rows, at, span)) continue
      if (rows[at] === CHILD_OF) {
        span[6] = rows[at + 5]
        span[7] = rows[at + 6]
        return
      }
      if (follows < 0 && rows[at] === FOLLOWS_FROM) follows = at
    }
    if (follows < 0) return
    span[6] = rows[follows + 5]
    span[7] = rows[follows + 6]
  }

  /** Appends all but the one that says the span is the child of its parent. `out` has `room`. */
  writeLinks(out: MessageWriter, span: Int32Array): void {
    const rows = this.#rows
    for (let at = 0; at < this.count * WORDS; at += WORDS) {
      const isChild = rows[at] === CHILD_OF
      if (isChild && rows[at + 5] === span[6] && rows[at + 6] === span[7]) continue
      const link = out.open(LINK_FIELD, 1)
      writeWords(out, 0x0a, rows, at + 1, 4)
      writeWords(out, 0x12, rows, at + 5, 2)
      const attribute = out.open(0x22, 1)
      writeText(out, 0x0a, T.REF_TYPE_KEY)
      const value = out.open(0x12, 1)
      writeText(out, 0x0a, isChild ? T.CHILD_OF : T.FOLLOWS_FROM)
      out.close(value, 1)
      out.close(attribute, 1)
      out.close(link, 1)
    }
  }
}

function isTrace(rows: Int32Array, at: number, span: Int32Array): boolean {
  return (
    rows[at + 1] === span[0] &&
    rows[at + 2] === span[1] &&
    rows[at + 3] === span[2] &&
    rows[at + 4] === span[3]
  )
}

/** An id; one that is zero is left out. */
function writeWords(
  out: MessageWriter,
  tag: number,
  rows: Int32Array,
  from: number,
  count: number,
): void {
  let any = 0
  for (let i = from; i < from + count; i++) any |= rows[i]
  if (any === 0) return
  out.tag(tag)
  out.varint(4 * count)
  for (let i = from; i < from + count; i++) {
    out.view.setInt32(out.pos, rows[i])
    out.pos += 4
  }
}

function writeText(out: MessageWriter, tag: number, text: string): void {
  const start = out.open(tag, 1)
  appendText(out, text)
  out.close(start, 1)
}
