/** UUID and UUIDv7: the only functions here whose result is not made of their arguments. */
import { randomFillSync, randomUUID } from 'node:crypto'
import { defineFunction, type FunctionSpec } from '../function.ts'

export const uuidFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'UUID',
    kind: 'converter',
    params: [],
    summary: 'A new random UUID (version 4).',
    example: { expr: 'Len(UUID())', result: '36' },
    make: () => () => randomUUID(),
  }),
  defineFunction({
    name: 'UUIDv7',
    kind: 'converter',
    params: [],
    summary:
      'A new UUID of version 7: it begins with the time, so later ones sort behind earlier ones.',
    example: { expr: 'Substring(UUIDv7(), 14, 1)', result: '"7"' },
    make: () => () => uuidV7(Date.now()),
  }),
]

const SEQUENCE_SIZE = 0x1000

let lastMillis = 0
let sequence = 0

/** Always greater than the one before, also within a millisecond or when the clock went back. */
export function uuidV7(nowMillis: number): string {
  if (nowMillis > lastMillis) {
    lastMillis = nowMillis
    sequence = 0
  } else if (++sequence === SEQUENCE_SIZE) {
    lastMillis++
    sequence = 0
  }
  const bytes = randomFillSync(Buffer.alloc(16))
  bytes.writeUIntBE(lastMillis, 0, 6)
  bytes.writeUInt16BE(0x7000 | sequence, 6)
  bytes[8] = 0x80 | (bytes[8] & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
