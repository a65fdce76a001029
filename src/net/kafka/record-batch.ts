/**
 * Record batches, the unit in which Kafka stores and compresses. Values stand in the request as the chunks that they
 * came in; only what is small is copied.
 *
 * ```
 * batch  : offset(8) length(4) epoch(4) magic=2 crc(4) | attributes(2) last offset(4) first time(8) last time(8)
 *          producer(8) producer epoch(2) sequence(4) count(4) records...           crc: of all behind it, CRC-32C
 * record : length attributes=0(1) time-first time, offset-first offset, key, value, headers      numbers: zigzag varints
 * ```
 * (https://kafka.apache.org/documentation/#recordbatch)
 */
import { extendCrc32c } from '../codecs/crc32c.ts'
import type { OutgoingRecord } from './client.ts'

/** Of everything before the records. */
export const BATCH_HEADER_BYTES = 61
const CRC_AT = 17
const CRC_FROM = 21

/** Values up to here are copied: one more chunk for the socket costs more. */
const SMALL = 8_192

export interface EncodedRecords {
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

/** Who sends it and how often it has sent, where the broker is to notice repetitions. */
export interface BatchIdentity {
  readonly producerId: bigint
  readonly epoch: number
  readonly sequence: number
}

/** Exact size of a record at this place of its batch. */
export function recordBytes(record: OutgoingRecord, place: number): number {
  const body = bodyBytes(record, place)
  return varintBytes(body) + body
}

function bodyBytes({ key, valueBytes, headers }: OutgoingRecord, place: number): number {
  const keyLength = key === null ? -1 : key.length
  let size = 2 + varintBytes(place) + varintBytes(keyLength) + Math.max(keyLength, 0)
  size += varintBytes(valueBytes) + valueBytes + varintBytes(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const nameLength = Buffer.byteLength(headers[i].key)
    const { length } = headers[i].value
    size += varintBytes(nameLength) + nameLength + varintBytes(length) + length
  }
  return size
}

/** Bytes of a number in zigzag varint. */
function varintBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let size = 1
  while (rest >= 0x80) {
    rest = Math.floor(rest / 128)
    size++
  }
  return size
}

/** `take` gives a buffer of at least so many bytes, in which the chunks stand. */
export function encodeRecords(
  records: readonly OutgoingRecord[],
  take: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): EncodedRecords {
  let byteLength = 0
  let copied = 0
  for (let i = 0; i < records.length; i++) {
    const size = recordBytes(records[i], i)
    byteLength += size
    copied += size - (isCopied(records[i]) ? 0 : records[i].valueBytes)
  }
  const out = new RecordOutput(take(copied))
  for (let i = 0; i < records.length; i++) out.write(records[i], i)
  return { chunks: out.finish(), byteLength }
}

function isCopied({ valueBytes }: OutgoingRecord): boolean {
  return valueBytes <= SMALL
}

class RecordOutput {
  readonly #chunks: Uint8Array[] = []
  readonly #buffer: Buffer
  /** Of what is not in a chunk yet. */
  #start = 0
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  write(record: OutgoingRecord, place: number): void {
    const { key, value, valueBytes, headers } = record
    this.#varint(bodyBytes(record, place))
    this.#buffer[this.#at++] = 0
    this.#varint(0)
    this.#varint(place)
    if (key === null) this.#varint(-1)
    else {
      this.#varint(key.length)
      this.#bytes(key)
    }
    this.#varint(valueBytes)
    if (isCopied(record)) for (const chunk of value) this.#bytes(chunk)
    else this.#refer(value)
    this.#varint(headers.length)
    for (const header of headers) {
      this.#varint(Buffer.byteLength(header.key))
      this.#at += this.#buffer.write(header.key, this.#at, 'utf8')
      this.#varint(header.value.length)
      this.#bytes(header.value)
    }
  }

  finish(): readonly Uint8Array[] {
    this.#cut()
    return this.#chunks
  }

  #refer(chunks: readonly Uint8Array[]): void {
    this.#cut()
    for (const chunk of chunks) this.#chunks.push(chunk)
  }

  #cut(): void {
    if (this.#at > this.#start) this.#chunks.push(this.#buffer.subarray(this.#start, this.#at))
    this.#start = this.#at
  }

  #bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #varint(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.#at++] = rest
  }
}

export interface BatchBody extends EncodedRecords {
  /** Records in it. */
  readonly count: number
  /** Of the codec in Kafka's table: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec: number
  readonly timestampMs: number
}

/** The part before the records, with the sum over all. */
export function encodeBatchHeader(body: BatchBody, identity: BatchIdentity | null): Buffer {
  const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
  const time = BigInt(Math.floor(body.timestampMs))
  header.writeBigInt64BE(0n, 0)
  header.writeInt32BE(BATCH_HEADER_BYTES - 12 + body.byteLength, 8)
  header.writeInt32BE(-1, 12)
  header[16] = 2
  header.writeInt16BE(body.codec, 21)
  header.writeInt32BE(body.count - 1, 23)
  header.writeBigInt64BE(time, 27)
  header.writeBigInt64BE(time, 35)
  header.writeBigInt64BE(identity?.producerId ?? -1n, 43)
  header.writeInt16BE(identity?.epoch ?? -1, 51)
  header.writeInt32BE(identity?.sequence ?? -1, 53)
  header.writeInt32BE(body.count, 57)
  let sum = extendCrc32c(-1, header.subarray(CRC_FROM))
  for (const chunk of body.chunks) sum = extendCrc32c(sum, chunk)
  header.writeUInt32BE((sum ^ -1) >>> 0, CRC_AT)
  return header
}
