/**
 * Reads the segments that a former process left. A record that was changed is passed over; where no further one can be found,
 * as behind one that is cut off, the segment ends. Both are told.
 */
import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { DECIDED, HEAD_BYTES, REQUEST, type Segment } from './journal.ts'

/** Longer records were never written. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024
/** Length of the tenant, within the record's length. */
const TENANT_LENGTH_BYTES = 2

export interface JournalRecord {
  readonly type: number
  readonly tenant: string
  readonly body: Uint8Array
  /** Where it begins in its segment. */
  readonly at: number
}

/** Told where a segment holds what is no record, and how many bytes are given up. */
export type OnDamage = (path: string, at: number, bytes: number) => void

/** Records of one type, in order; bodies of others are passed over. */
export async function* readRecords(
  { path, bytes }: Segment,
  wanted: number,
  onDamage: OnDamage = () => {},
): AsyncGenerator<JournalRecord> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    let at = 0
    while (at < bytes) {
      head.fill(0)
      await file.read(head, 0, HEAD_BYTES, at)
      const length = head.readUInt32LE(0) - TENANT_LENGTH_BYTES
      const tenantLength = head.readUInt16LE(9)
      const end = at + HEAD_BYTES + length
      const isKnown = head[4] === REQUEST || head[4] === DECIDED
      if (!isKnown || length < tenantLength || length > MAX_RECORD_BYTES || end > bytes) {
        onDamage(path, at, bytes - at)
        return
      }
      if (head[4] === wanted) {
        const rest = Buffer.allocUnsafeSlow(length)
        await file.read(rest, 0, length, at + HEAD_BYTES)
        if (crc32(rest) === head.readUInt32LE(5)) {
          const tenant = rest.toString('utf8', 0, tenantLength)
          yield { type: wanted, tenant, body: rest.subarray(tenantLength), at }
        } else onDamage(path, at, end - at)
      }
      at = end
    }
  } finally {
    await file.close()
  }
}
