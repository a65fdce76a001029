/** Export requests as plain values that are easy to compare: attributes by key, ids in hexadecimal, times as text. */
import assert from 'node:assert/strict'
import { isTranslateFault, type TranslateFault } from '../../../src/translate/fault.ts'
import { decode } from '../../otlp/oracle.ts'

export interface PlainSpan {
  readonly resource: Record<string, unknown>
  readonly scope: string
  readonly traceId: string
  readonly spanId: string
  readonly parent: string
  readonly name: string
  readonly kind: number
  readonly start: string
  readonly end: string
  readonly status: { readonly code: number; readonly message: string }
  readonly state: string
  readonly flags: number
  readonly dropped: readonly number[]
  readonly attributes: Record<string, unknown>
  readonly events: unknown[]
  readonly links: unknown[]
}

export function good(result: Uint8Array | TranslateFault): Uint8Array {
  if (isTranslateFault(result)) assert.fail(`${result.offset}: ${result.message}`)
  return result
}

export function bad(result: Uint8Array | TranslateFault): TranslateFault {
  assert.ok(isTranslateFault(result), 'expected a fault')
  return result
}

// biome-ignore lint/suspicious/noExplicitAny: protobufjs's plain objects
type Any = any

export function plain(request: Uint8Array): PlainSpan[] {
  const { resourceSpans = [] } = decode('TracesRequest', request)
  return resourceSpans.flatMap((group: Any) =>
    (group.scopeSpans ?? []).flatMap((scoped: Any) =>
      (scoped.spans ?? []).map((span: Any): PlainSpan => {
        const { name = '', version = '' } = scoped.scope ?? {}
        return {
          resource: attributes(group.resource?.attributes),
          scope: `${name} ${version}`,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parent: hex(span.parentSpanId),
          name: span.name ?? '',
          kind: span.kind ?? 0,
          start: span.startTimeUnixNano ?? '0',
          end: span.endTimeUnixNano ?? '0',
          status: { code: 0, message: '', ...span.status },
          state: span.traceState ?? '',
          flags: span.flags ?? 0,
          dropped: [
            span.droppedAttributesCount ?? 0,
            span.droppedEventsCount ?? 0,
            span.droppedLinksCount ?? 0,
          ],
          attributes: attributes(span.attributes),
          events: (span.events ?? []).map((event: Any) => ({
            time: event.timeUnixNano ?? '0',
            name: event.name ?? '',
            attributes: attributes(event.attributes),
          })),
          links: (span.links ?? []).map((link: Any) => ({
            traceId: hex(link.traceId),
            spanId: hex(link.spanId),
            attributes: attributes(link.attributes),
          })),
        }
      }),
    ),
  )
}

function hex(id: Buffer | undefined): string {
  return id === undefined ? '' : id.toString('hex')
}

function attributes(list: Any[] = []): Record<string, unknown> {
  const keys = list.map(({ key }) => key)
  assert.equal(new Set(keys).size, keys.length, `keys occur twice: ${keys}`)
  return Object.fromEntries(list.map(({ key = '', value }) => [key, plainValue(value)]))
}

function plainValue(value: Any): unknown {
  if (value === undefined) return null
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue)
  if (value.bytesValue !== undefined) return `bytes ${value.bytesValue.toString('hex')}`
  if (value.intValue !== undefined) return BigInt(value.intValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null
}
