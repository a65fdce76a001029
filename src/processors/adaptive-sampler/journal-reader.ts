/** Reads the segments that a former process left. A record that is cut off or changed ends its segment: nobody was told of it. */
import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { HEAD_BYTES, type Segment } from './journal.ts'

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

/** Records of one type, in order; bodies of others are passed over. */
export async function* readRecords(
  { path, bytes }: Segment,
  wanted: number,
): AsyncGenerator<JournalRecord> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    let at = 0
    while (at + HEAD_BYTES <= bytes) {
      await file.read(head, 0, HEAD_BYTES, at)
      const length = head.readUInt32LE(0) - TENANT_LENGTH_BYTES
      const tenantLength = head.readUInt16LE(9)
      const end = at + HEAD_BYTES + length
      if (length < tenantLength || length > MAX_RECORD_BYTES || end > bytes) return
      if (head[4] === wanted) {
        const rest = Buffer.allocUnsafeSlow(length)
        await file.read(rest, 0, length, at + HEAD_BYTES)
        if (crc32(rest) !== head.readUInt32LE(5)) return
        const tenant = rest.toString('utf8', 0, tenantLength)
        yield { type: wanted, tenant, body: rest.subarray(tenantLength), at }
      }
      at = end
    }
  } finally {
    await file.close()
  }
}
