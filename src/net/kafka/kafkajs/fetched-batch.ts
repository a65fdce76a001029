/**
 * Reads the records of one partition out of the answer to a fetch, in the place of kafkajs' own decoder: the checksum is
 * looked at, inflating is bounded, a record costs no objects for its numbers, and a batch that cannot be read becomes one
 * marked message instead of an error that comes again for ever.
 *
 * ```
 * batch  : base offset(8) length(4) epoch(4) magic=2 crc(4) | attributes(2) last offset(4) first time(8) last time(8)
 *          producer(8) producer epoch(2) sequence(4) count(4) records...           crc: of all behind it, CRC-32C
 * record : length attributes(1) time offset key value headers                      numbers: zigzag varints, deltas
 * ```
 * https://kafka.apache.org/documentation/#recordbatch
 */
import { crc32c } from '../../codecs/crc32c.ts'
import type { Encoding } from '../../compression.ts'
import { inflateRecords } from '../inflate-records.ts'

/** kafkajs' reader of an answer. */
export interface FetchDecoder {
  readonly buffer: Buffer
  offset: number
  readInt32(): number
  readBytes(length: number): Buffer
  canReadBytes(length: number): boolean
}

/** What stands in the place of a batch that cannot be read. */
export interface Damage {
  /** First and last offset of the batch, as far as they can be believed. */
  readonly from: number
  readonly nextOffset: number
  readonly message: string
  readonly bytes: Buffer
}

/** As far as kafkajs' consumer looks at it. */
export interface FetchedMessage {
  readonly magicByte: number
  readonly attributes: number
  readonly timestamp: string
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Record<string, Buffer | (Buffer | null)[] | null> | undefined
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext
  readonly damage?: Damage
}

/** One for all messages of a batch. */
export interface BatchContext {
  readonly producerId: string
  readonly inTransaction: boolean
  /** The batch as the broker has it. */
  readonly bytes: Buffer
}

const MAGIC = 2
const MAGIC_AT = 16
const CRC_AT = 17
const CRC_FROM = 21
const LAST_OFFSET_AT = 23
const HEADER_BYTES = 61
/** Of base offset and length, which the length does not count. */
const PREFIX_BYTES = 12
const CODEC_MASK = 7
const LOG_APPEND_TIME = 8
const TRANSACTIONAL = 16
const CONTROL = 32
const CODECS: readonly (Encoding | undefined)[] = [undefined, 'gzip', 'snappy', 'lz4', 'zstd']
/** Batches of one fetch beyond this, inflated, are left to the next one: they come again. */
const MAX_FETCH_BYTES = 16 << 20
/** The same for all partitions of one answer: a few bytes of each could inflate to more than there is memory. */
const MAX_ANSWER_BYTES = 64 << 20
/** A larger one is not to be believed of a batch whose checksum is wrong. */
const MAX_BATCH_RECORDS = 10_000_000
const TWO_32 = 2 ** 32
/** Of what is damaged: kafkajs leaves out what lies before the offset that it asked for, and says nothing. */
const BEYOND = String(Number.MAX_SAFE_INTEGER)
const NO_CONTEXT = { producerId: '-1', inTransaction: false }

/** Bytes that came out of batches, readable or not. */
interface Tally {
  inflated: number
}

/** What has been inflated of an answer that is being read; it has one decoder. */
const inflatedOf = new WeakMap<FetchDecoder, number>()

/** `original` reads the formats from before Kafka 0.11. */
export async function decodeFetched(
  decoder: FetchDecoder,
  original: (decoder: FetchDecoder) => Promise<unknown[]>,
): Promise<unknown[]> {
  const start = decoder.offset
  const size = decoder.readInt32()
  if (size <= 0 || !decoder.canReadBytes(size)) return []
  const bytes = decoder.readBytes(size)
  if (bytes.length <= MAGIC_AT) return []
  if (bytes[MAGIC_AT] >= MAGIC) {
    const before = inflatedOf.get(decoder) ?? 0
    if (before >= MAX_ANSWER_BYTES) return []
    const tally: Tally = { inflated: 0 }
    const messages = await decodeBatches(bytes, tally)
    inflatedOf.set(decoder, before + tally.inflated)
    return messages
  }
  decoder.offset = start
  return original(decoder)
}

/** The last batch may be cut off. */
export async function decodeBatches(
  bytes: Buffer,
  tally: Tally = { inflated: 0 },
): Promise<FetchedMessage[]> {
  const messages: FetchedMessage[] = []
  for (let at = 0; at + HEADER_BYTES <= bytes.length && tally.inflated < MAX_FETCH_BYTES; ) {
    const length = bytes.readInt32BE(at + 8)
    const end = at + PREFIX_BYTES + length
    if (end > bytes.length) break
    const batch = bytes.subarray(at, Math.max(end, at + HEADER_BYTES))
    const next = end > at ? baseOf(bytes, end) : -1
    try {
      await decodeBatch(batch, length, messages, tally)
    } catch (error) {
      messages.push(damaged(batch, next, (error as Error).message))
      break
    }
    at = end
  }
  return messages
}

/** The offset at which the batch here begins, as far as one is to be seen; else -1. */
function baseOf(bytes: Buffer, at: number): number {
  if (at + MAGIC_AT >= bytes.length || bytes[at + MAGIC_AT] !== MAGIC) return -1
  return bytes.readInt32BE(at + 8) < HEADER_BYTES - PREFIX_BYTES ? -1 : int64(bytes, at)
}

/** Throws when it cannot be read, and has added no messages then. */
async function decodeBatch(
  batch: Buffer,
  length: number,
  messages: FetchedMessage[],
  tally: Tally,
): Promise<void> {
  if (length < HEADER_BYTES - PREFIX_BYTES) throw new Error('the batch is shorter than its head')
  if (batch[MAGIC_AT] !== MAGIC)
    throw new Error(`a record format that is not known: ${batch[MAGIC_AT]}`)
  if (crc32c(batch.subarray(CRC_FROM)) !== batch.readUInt32BE(CRC_AT)) {
    throw new Error('the checksum is wrong')
  }
  const attributes = batch.readInt16BE(CRC_FROM)
  const codec = CODECS[attributes & CODEC_MASK]
  const packed = batch.subarray(HEADER_BYTES)
  if (codec === undefined && (attributes & CODEC_MASK) !== 0) {
    throw new Error(`a compression that is not known: ${attributes & CODEC_MASK}`)
  }
  const records = codec === undefined ? packed : await inflateRecords(codec, packed)
  tally.inflated += records.length
  const before = messages.length
  try {
    new RecordReader(batch, records, attributes).readAll(messages)
  } catch (error) {
    messages.length = before
    throw error
  }
}

function damaged(batch: Buffer, nextBatch: number, message: string): FetchedMessage {
  const from = int64(batch, 0)
  const delta = batch.readInt32BE(LAST_OFFSET_AT)
  const last = delta >= 0 && delta < MAX_BATCH_RECORDS ? from + delta : from
  const nextOffset = nextBatch > from ? nextBatch : last + 1
  return damageMessage({ from, nextOffset, message, bytes: batch })
}

export function damageMessage(damage: Damage): FetchedMessage {
  return {
    ...{ magicByte: MAGIC, attributes: 0, timestamp: '0', key: null, value: null },
    offset: BEYOND,
    headers: undefined,
    isControlRecord: false,
    batchContext: { ...NO_CONTEXT, bytes: damage.bytes },
    damage,
  }
}

class RecordReader {
  readonly #batch: Buffer
  readonly #bytes: Buffer
  readonly #attributes: number
  #at = 0
  /** Of the record at hand. */
  #end = 0

  constructor(batch: Buffer, records: Buffer, attributes: number) {
    this.#batch = batch
    this.#bytes = records
    this.#attributes = attributes
  }

  // hot: bench/flow/kafka-in.ts
  readAll(messages: FetchedMessage[]): void {
    const batch = this.#batch
    const count = batch.readInt32BE(57)
    if (count < 0 || count > this.#bytes.length) throw new Error('a count that cannot be')
    const baseOffset = int64(batch, 0)
    const baseTime = int64(batch, 27)
    const lastOffset = baseOffset + batch.readInt32BE(LAST_OFFSET_AT)
    const isAppendTime = (this.#attributes & LOG_APPEND_TIME) !== 0
    const appendTime = isAppendTime ? String(int64(batch, 35)) : ''
    const isControlRecord = (this.#attributes & CONTROL) !== 0
    const batchContext = {
      producerId: String(int64(batch, 43)),
      inTransaction: (this.#attributes & TRANSACTIONAL) !== 0,
      bytes: batch,
    }
    let offset = -1
    for (let i = 0; i < count; i++) {
      const length = this.#varint(this.#bytes.length)
      this.#end = this.#at + length
      if (length <= 0 || this.#end > this.#bytes.length)
        throw new Error('a record runs past the end')
      const attributes = this.#bytes[this.#at++]
      const time = this.#varint(this.#end)
      offset = baseOffset + this.#varint(this.#end)
      const timestamp = isAppendTime ? appendTime : String(baseTime + time)
      const key = this.#chunk()
      const value = this.#chunk()
      const headers = this.#headers()
      this.#at = this.#end
      const record = { magicByte: MAGIC, attributes, timestamp, offset: String(offset), key, value }
      messages.push({ ...record, headers, isControlRecord, batchContext })
    }
    // Compaction has taken the last ones away: something has to lead the reader over their offsets.
    if (offset < lastOffset) messages.push(gapTo(lastOffset, batchContext))
  }

  #headers(): FetchedMessage['headers'] {
    const count = this.#varint(this.#end)
    if (count === 0) return undefined
    if (count < 0 || count > this.#end - this.#at) throw new Error('a count that cannot be')
    const headers: NonNullable<FetchedMessage['headers']> = Object.create(null)
    for (let i = 0; i < count; i++) {
      const name = this.#chunk()?.toString('utf8') ?? ''
      const value = this.#chunk()
      const before = headers[name]
      if (before === undefined) headers[name] = value
      else if (Array.isArray(before)) before.push(value)
      else headers[name] = [before, value]
    }
    return headers
  }

  /** A length and so many bytes; a view. */
  #chunk(): Buffer | null {
    const length = this.#varint(this.#end)
    if (length < 0) return null
    const start = this.#at
    if (start + length > this.#end) throw new Error('a field runs past the end of its record')
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  /** Exact for what a double holds. */
  #varint(end: number): number {
    const bytes = this.#bytes
    let low = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.#at >= end) throw new Error('a number runs past the end')
      const byte = bytes[this.#at++]
      low += (byte & 0x7f) * scale
      if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low + 1) / 2
      scale *= 128
    }
    throw new Error('a number is too long')
  }
}

function gapTo(offset: number, batchContext: BatchContext): FetchedMessage {
  return {
    ...{ magicByte: MAGIC, attributes: 0, timestamp: '0', key: null, value: null },
    offset: String(offset),
    headers: undefined,
    isControlRecord: true,
    batchContext,
  }
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}
