/** What requests of every signal have in common: a resource with nine attributes, a scope, and attributes as key-value messages. */
import type { Random } from '../../src/cli/generate/random.ts'
import type { Writer } from '../../src/otlp/wire-writer.ts'

export type Attribute = readonly [key: string, value: string | number]

export interface CorpusOptions {
  /** The same seed gives the same bytes. */
  readonly seed?: number
  /** Spans, log records or data points. */
  readonly items?: number
  /** Share of items with a text that is not ASCII, 0 to 1. */
  readonly nonAscii?: number
}

/** 2026-01-01T00:00:00Z in nanoseconds. */
export const EPOCH_NANOS = 1_767_225_600_000_000_000n

const SERVICES = ['checkout', 'cart', 'frontend', 'payment']

/** Lets `fill` write the items into the one scope of the one resource: fields 1 > 2 of every signal's request. */
export function writeEnvelope(out: Writer, random: Random, scope: string, fill: () => void): void {
  const service = random.pick(SERVICES)
  out.begin(1).begin(1)
  writeAttributes(out, 1, [
    ['service.name', service],
    ['service.version', '1.2.3'],
    ['host.name', 'ip-10-0-3-17'],
    ['k8s.pod.name', `${service}-6d5f8c7b9-x2x5p`],
    ['k8s.namespace.name', 'shop'],
    ['deployment.environment.name', 'prod'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.name', 'opentelemetry'],
    ['telemetry.sdk.version', '2.1.0'],
  ])
  out.end().begin(2).begin(1).string(1, scope).string(2, '0.200.0').end()
  fill()
  out.end().end()
}

/** Writes each attribute as field `number`: text as a string, a whole number as an int, others as a double. */
export function writeAttributes(
  out: Writer,
  number: number,
  attributes: readonly Attribute[],
): void {
  for (const [key, value] of attributes) {
    out.begin(number).string(1, key).begin(2)
    if (typeof value === 'string') out.string(1, value)
    else if (Number.isInteger(value)) out.varint(3, value)
    else out.double(4, value)
    out.end().end()
  }
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256))
}
