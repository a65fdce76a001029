/**
 * How far one batch has come: which of its records the brokers have taken, so that a further attempt sends the others
 * only. Units that turn out to be too large are cut here, at item borders.
 */

import { encodedSize } from '../../otlp/encode.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import { splitParts } from '../../otlp/split.ts'
import type { EncodedMessage, EncodingWriter } from '../../translate/encoding/writers.ts'
import { Refusals } from '../sending/refusals.ts'
import type { Progress } from '../sending/sender.ts'
import { stretch } from '../sending/stretch.ts'
import type { Unit } from './plan.ts'

/** One record to be sent, and what it is of. */
export interface Message {
  readonly progress: UnitProgress
  /** Among the messages of its unit. */
  readonly place: number
  readonly topic: string
  readonly key: Uint8Array | null
  readonly encoded: EncodedMessage
}

interface UnitProgress {
  readonly unit: Unit
  /** By message, how many items of the unit come before its own; null where the encoding leaves items out between them. */
  starts: readonly number[] | null
  /** Places of messages that have ended; null when none has. */
  ended: Set<number> | null
  /** Messages of it that have not. */
  open: number
  isEnded: boolean
  /** Counted at the first attempt only. */
  isCounted: boolean
}

const TOO_LARGE = 'single items are larger than max_message_bytes'

export interface DeliveryOptions {
  readonly writer: EncodingWriter
  /** Most bytes of a value with this key. */
  readonly limit: (key: Uint8Array | null) => number
}

export class Delivery {
  readonly #options: DeliveryOptions
  #units: UnitProgress[] = []
  readonly refusals = new Refusals()
  /** Items that the brokers have taken. */
  delivered = 0

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  add(unit: Unit): void {
    this.#units.push(createProgress(unit))
  }

  /** It is one unit of just these parts. */
  isWhole(parts: readonly EncodePart[]): boolean {
    return this.#units.length === 1 && this.#units[0].unit.parts === parts
  }

  /** Every item has been taken or refused. */
  get isDone(): boolean {
    return this.#units.every(({ isEnded }) => isEnded)
  }

  /** What is still to be sent. `whole`: the bytes of the only unit, where they are known already. */
  messages(whole: EncodedMessage | null): Message[] {
    const messages: Message[] = []
    const units = this.#units
    this.#units = []
    for (const progress of units) {
      if (!progress.isEnded) this.#write(progress, whole, messages)
    }
    return messages
  }

  /** This message needs not be sent any more: it was taken, or refused for good. */
  end({ progress, place, encoded }: Message, refused: { reason: string; message: string } | null) {
    if (progress.isEnded || progress.ended?.has(place) === true) return
    if (refused === null) this.delivered += encoded.items
    else {
      const parts = itemsOf(progress, place, encoded)
      this.refusals.add(refused.reason, refused.message, encoded.items, parts)
    }
    ;(progress.ended ??= new Set()).add(place)
    progress.isEnded = --progress.open === 0
  }

  /** The broker finds it too large: its halves are tried. False when it is one item. */
  halve({ progress }: Message): boolean {
    const { unit } = progress
    if (!this.#options.writer.isWhole || unit.items <= 1) return false
    progress.isEnded = true
    const { pieces } = splitParts(unit.parts, { maxItems: Math.ceil(unit.items / 2) })
    for (const parts of pieces) this.#units.push(createProgress(pieceOf(unit, parts)))
    return true
  }

  /** A unit that is not to be sent at all. */
  refuse({ items, parts }: Unit, reason: string, message: string): void {
    this.refusals.add(reason, message, items, parts)
  }

  /** Null where nothing has been taken or refused. */
  get progress(): Progress | null {
    const { delivered, refusals } = this
    if (delivered === 0 && refusals.items === 0) return null
    return { delivered, refused: refusals.list, left: this.#left }
  }

  get #left(): readonly EncodePart[] | null {
    const left: EncodePart[] = []
    for (const { unit, starts, ended, isEnded } of this.#units) {
      if (isEnded) continue
      if (ended === null) left.push(...unit.parts)
      else if (starts === null) return null
      else {
        for (const [place, from] of starts.entries()) {
          const to = starts[place + 1] ?? unit.items
          if (!ended.has(place)) left.push(...stretch(unit.parts, from, to))
        }
      }
    }
    return left
  }

  #write(progress: UnitProgress, whole: EncodedMessage | null, messages: Message[]): void {
    const { unit } = progress
    const { writer, limit } = this.#options
    const most = limit(unit.key)
    if (writer.isOtlp) {
      const size = whole?.byteLength ?? encodedSize(unit.parts)
      // To whoever splits, 0 is no limit.
      if (size > most) this.#cut(progress, { maxBytes: Math.max(most, 1) }, messages)
      else this.#keep(progress, [whole ?? writer.write(unit.parts).messages[0]], messages)
      return
    }
    const { messages: written, refused, empty } = writer.write(unit.parts)
    const largest = writer.isWhole && written.length === 1 ? written[0].byteLength : 0
    if (largest > most && unit.items > 1) {
      // Bytes by item are not known here: so many pieces that each is likely to fit.
      const maxItems = Math.max(Math.floor((unit.items * most * 0.9) / largest), 1)
      this.#cut(progress, { maxItems: Math.min(maxItems, unit.items - 1) }, messages)
      return
    }
    if (!progress.isCounted) {
      const { refusals } = this
      refusals.add('unencodable', 'the encoding cannot say these items', refused, null)
      const message = 'log records without a body have nothing to send'
      refusals.add('unencodable', message, empty, null)
    }
    this.#keep(progress, written, messages)
  }

  #cut(
    progress: UnitProgress,
    limits: { maxBytes?: number; maxItems?: number },
    messages: Message[],
  ): void {
    const { unit } = progress
    // What an earlier attempt still learns of it does not count beside its pieces.
    progress.isEnded = true
    const { pieces, oversize } = splitParts(unit.parts, limits)
    for (const parts of pieces) this.#write(createProgress(pieceOf(unit, parts)), null, messages)
    const items = oversize.reduce((sum, part) => sum + part.items, 0)
    this.refusals.add('item_too_large', TOO_LARGE, items, oversize)
  }

  #keep(progress: UnitProgress, written: readonly EncodedMessage[], messages: Message[]): void {
    progress.isCounted = true
    progress.starts = startsOf(written, progress.unit.items)
    const { topic, key } = progress.unit
    const most = this.#options.limit(key)
    const open = written.filter((_, place) => progress.ended?.has(place) !== true)
    progress.open = open.length
    progress.isEnded = open.length === 0
    for (const [place, encoded] of written.entries()) {
      if (progress.ended?.has(place) === true) continue
      const message = { progress, place, topic, key: keyOf(encoded, key), encoded }
      if (encoded.byteLength > most) {
        this.end(message, { reason: 'item_too_large', message: TOO_LARGE })
        continue
      }
      messages.push(message)
    }
    this.#units.push(progress)
  }
}

function createProgress(unit: Unit): UnitProgress {
  return { unit, starts: null, ended: null, open: 0, isEnded: false, isCounted: false }
}

function startsOf(written: readonly EncodedMessage[], all: number): readonly number[] | null {
  let items = 0
  const starts = written.map(message => {
    items += message.items
    return items - message.items
  })
  return items === all ? starts : null
}

/** Null where it is not known which they are. */
function itemsOf(
  { unit, starts }: UnitProgress,
  place: number,
  { items }: EncodedMessage,
): readonly EncodePart[] | null {
  if (items === unit.items) return unit.parts
  return starts === null ? null : stretch(unit.parts, starts[place], starts[place] + items)
}

function pieceOf(unit: Unit, parts: readonly EncodePart[]): Unit {
  return { ...unit, parts, items: parts.reduce((sum, part) => sum + part.items, 0) }
}

/** What the configuration says comes before what the encoding says. */
function keyOf({ key }: EncodedMessage, configured: Uint8Array | null): Uint8Array | null {
  if (configured !== null || key === null) return configured
  return Buffer.from(key, 'latin1')
}
