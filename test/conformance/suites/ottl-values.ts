/** The notation of values in the OTTL cases (`meta.encoding` in the file), read into the engine's values and compared. */
import assert from 'node:assert/strict'
import { Duration, Id, Time, type Value } from '../../../src/rules/value.ts'

export interface OttlCase {
  readonly id: string
  readonly kind: string
  readonly expr: string
  readonly env?: string
  readonly left?: unknown
  readonly right?: unknown
  readonly op?: string
  readonly pathValues?: Readonly<Record<string, unknown>>
  readonly enums?: Readonly<Record<string, number>>
  readonly priority?: readonly string[]
  readonly statements?: readonly string[]
  readonly results?: readonly string[]
  readonly errorMode?: string
  readonly join?: string
  // biome-ignore lint/suspicious/noExplicitAny: its shape depends on the kind
  readonly expect: any
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
export function readValue(json: any): Value {
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return json.map(readValue)
  if ('i' in json) return BigInt(json.i)
  if ('f' in json) return Number(json.f)
  if ('b' in json) return Uint8Array.from(Buffer.from(json.b, 'hex'))
  if ('ns' in json) return new Time(BigInt(json.ns))
  if ('d' in json) return new Duration(BigInt(json.d))
  if ('m' in json) return new Map(Object.entries(json.m).map(([k, v]) => [k, readValue(v)]))
  throw new Error(`no reading for ${JSON.stringify(json)}`)
}

/** Numbers of two kinds are equal when their values are, as the cases' own rule says. */
export function assertSameValue(actual: Value, expected: Value): void {
  if (typeof expected === 'bigint' && typeof actual === 'number') {
    assert.equal(actual, Number(expected))
  } else if (typeof expected === 'number' && typeof actual === 'number') {
    const close = Math.abs(actual - expected) <= 1e-12 * Math.abs(expected)
    assert.ok(close || Object.is(actual, expected), `${actual} instead of ${expected}`)
  } else if (expected instanceof Time && actual instanceof Time) {
    assert.equal(actual.unixNano, expected.unixNano)
  } else if (actual instanceof Id) assert.deepEqual(Uint8Array.from(actual), expected)
  else assert.deepEqual(actual, expected)
}
