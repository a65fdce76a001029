/** One line of the audit log: its layout, and the hash that ties it to the line before. */
import { createHash } from 'node:crypto'
import type { AuditEvent } from '../../core/audit.ts'

/** Longer facts are cut, so that the end of the file can be found by reading a little of it. */
export const MAX_LINE_BYTES = 16_384
const MAX_TEXT_CHARS = 256
const MAX_FACTS = 32
const MAX_LIST = 32

export interface AuditRecord extends AuditEvent {
  /** Counts from 1. */
  readonly n: number
  /** ISO 8601, UTC. */
  readonly at: string
  /** Hash of the line before. */
  readonly prev: string
  readonly hash: string
}

export interface AuditLink {
  readonly n: number
  readonly hash: string
}

/** What the first line hangs on. */
export const START: AuditLink = { n: 0, hash: '0'.repeat(64) }

export function formatLine(event: AuditEvent, nowMs: number, before: AuditLink): string {
  const bodyWith = (detail: Readonly<Record<string, unknown>> | undefined): string =>
    JSON.stringify({
      n: before.n + 1,
      at: new Date(nowMs).toISOString(),
      action: cut(event.action),
      actor: cut(event.actor),
      subject: cut(event.subject),
      ...(detail !== undefined && { detail }),
      prev: before.hash,
    })
  const line = seal(bodyWith(event.detail && cutFacts(event.detail)))
  return Buffer.byteLength(line) <= MAX_LINE_BYTES ? line : seal(bodyWith({ left_out: true }))
}

/** A text says why it is no line of an audit log, or that it was changed. */
export function parseLine(line: string): AuditRecord | string {
  const found = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/.exec(line)
  if (found === null || Buffer.byteLength(line) > MAX_LINE_BYTES) {
    return 'is not a whole line of an audit log'
  }
  if (hashOf(`${found[1]}}`) !== found[2]) return 'is not what was written: its hash is another'
  try {
    return JSON.parse(line) as AuditRecord
  } catch {
    return 'is not JSON'
  }
}

/** The hash is over the line as it stands, without itself. */
function seal(body: string): string {
  return `${body.slice(0, -1)},"hash":"${hashOf(body)}"}`
}

function hashOf(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('hex')
}

function cutFacts(detail: NonNullable<AuditEvent['detail']>): Record<string, unknown> {
  const facts = Object.entries(detail).slice(0, MAX_FACTS)
  return Object.fromEntries(facts.map(([name, value]) => [cut(name), cutFact(value)]))
}

function cutFact(value: string | number | boolean | readonly string[]): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object') return value
  // A list is cut as a whole to what one text may have.
  const list = value.slice(0, MAX_LIST)
  return JSON.stringify(list).length <= MAX_TEXT_CHARS ? list : [cut(list.join(' '))]
}

function cut(text: string): string {
  return text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS)}…`
}
