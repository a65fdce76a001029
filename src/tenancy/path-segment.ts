/**
 * Names of tenants, exporters and signals as single steps of a path: safe on every file system, and different names are
 * always different steps, also where case does not count.
 */
import { createHash } from 'node:crypto'

/** Bytes of a step that file systems take everywhere is 255; some room for endings is left. */
const MAX_BYTES = 200
/** Stands before what is no longer readable. */
const HASHED = '~~'
/** Device names of Windows, which also hold with an ending. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/
const SAFE = /[a-z0-9_.-]/

/**
 * Lower-case letters, digits and `_.-` stand for themselves, all else as `~` and two hexadecimal digits for each byte of UTF-8.
 * What would be too long is a hash, from which the name cannot be read back.
 */
export function pathSegment(name: string): string {
  let step = ''
  for (const byte of Buffer.from(name, 'utf8')) {
    const char = String.fromCharCode(byte)
    step += SAFE.test(char) ? char : escapeByte(byte)
  }
  if (step === '' || step.length > MAX_BYTES) {
    return HASHED + createHash('sha256').update(name).digest('hex')
  }
  if (step.startsWith('.') || RESERVED.test(step))
    step = escapeByte(step.charCodeAt(0)) + step.slice(1)
  if (step.endsWith('.')) step = step.slice(0, -1) + escapeByte(DOT)
  return step
}

const DOT = 0x2e

function escapeByte(byte: number): string {
  return `~${byte.toString(16).padStart(2, '0')}`
}

/** The name that became this step; null where it cannot be told or no name becomes it. */
export function nameOfPathSegment(step: string): string | null {
  if (step.startsWith(HASHED)) return null
  const bytes: number[] = []
  for (let i = 0; i < step.length; i++) {
    if (step[i] !== '~') {
      bytes.push(step.charCodeAt(i))
      continue
    }
    const hex = step.slice(i + 1, i + 3)
    if (!/^[0-9a-f]{2}$/.test(hex)) return null
    bytes.push(Number.parseInt(hex, 16))
    i += 2
  }
  const name = Buffer.from(bytes).toString('utf8')
  return pathSegment(name) === step ? name : null
}
