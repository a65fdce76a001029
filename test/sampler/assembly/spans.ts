/** Makes requests of spans for the tests of the assembly, and reads back what was sent on. */
import { Batch, NO_CONTEXT, type Part } from '../../../src/core/batch.ts'
import { Payload } from '../../../src/core/payload.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { FieldCursor } from '../../../src/otlp/wire-reader.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import { Assembly, type AssemblyOptions } from '../../../src/sampler/assembly/assembly.ts'
import { CountingMemory } from '../../../src/testing/fakes.ts'

export interface TestSpan {
  readonly service?: string
  readonly scope?: string
  /** Of the trace; one hex digit and more, filled up with zeros at the left. */
  readonly trace: string
  readonly id?: string
  readonly parent?: string
  readonly name?: string
  readonly kind?: number
  /** Microseconds. */
  readonly start?: number
  readonly duration?: number
  readonly status?: number
  readonly state?: string
  readonly attributes?: Readonly<Record<string, string | number>>
  readonly events?: readonly string[]
  readonly links?: number
  readonly flags?: number
  readonly padding?: number
}

const EPOCH = 1_700_000_000_000_000_000n

export function hexBytes(hex: string, length: number): Uint8Array {
  return hex === '' ? new Uint8Array(0) : Buffer.from(hex.padStart(length * 2, '0'), 'hex')
}

export function spanBytes(span: TestSpan): Uint8Array {
  const out = new Writer()
  const start = EPOCH + BigInt(span.start ?? 0) * 1000n
  out.bytes(1, hexBytes(span.trace, 16)).bytes(2, hexBytes(span.id ?? '1', 8))
  if (span.state !== undefined) out.string(3, span.state)
  if (span.parent !== undefined) out.bytes(4, hexBytes(span.parent, 8))
  out.string(5, span.name ?? 'work').varint(6, span.kind ?? 2)
  out.fixed64(7, start).fixed64(8, start + BigInt(span.duration ?? 1000) * 1000n)
  for (const [key, value] of Object.entries(span.attributes ?? {})) {
    out.begin(9).string(1, key).begin(2)
    if (typeof value === 'number') out.varint(3, value)
    else out.string(1, value)
    out.end().end()
  }
  for (const name of span.events ?? []) out.begin(11).fixed64(1, start).string(2, name).end()
  for (let i = 0; i < (span.links ?? 0); i++) out.begin(13).bytes(1, hexBytes('9', 16)).end()
  out.begin(15)
  if (span.status !== undefined) out.varint(3, span.status)
  out.end()
  if (span.flags !== undefined) out.fixed32(16, span.flags)
  if (span.padding !== undefined) out.bytes(100, new Uint8Array(span.padding))
  return out.finish()
}

/** Spans that follow each other with the same service, and scope, share their groups. */
export function request(spans: readonly TestSpan[]): Uint8Array {
  const out = new Writer()
  let service: string | undefined
  let scope: string | undefined
  for (const span of spans) {
    const nextService = span.service ?? 'shop'
    const nextScope = span.scope ?? 'http'
    if (service !== nextService || scope !== nextScope) {
      if (scope !== undefined) out.end()
      if (service !== nextService) {
        if (service !== undefined) out.string(3, 'schema').end()
        out.begin(1).begin(1).begin(1).string(1, 'service.name').begin(2)
        out.string(1, nextService).end().end().end()
      }
      out.begin(2).begin(1).string(1, nextScope).end()
      service = nextService
      scope = nextScope
    }
    out.bytes(2, spanBytes(span))
  }
  if (scope !== undefined) out.end().string(3, 'schema').end()
  return out.finish()
}

export function partOf(bytes: Uint8Array): Part {
  const index = indexRequest('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  return { payload: new Payload(bytes), index, selection: null, edits: null, items: index.items }
}

export function batchOf(parts: readonly Part[], tenant = 'default'): Batch {
  return new Batch('traces', tenant, NO_CONTEXT, parts)
}

export interface TestAssembly extends Assembly {
  readonly memory: CountingMemory
  /** Takes spans in as one batch; false when there was no room. */
  take(spans: readonly TestSpan[], nowMs?: number, tenant?: string): boolean
  takePart(part: Part, nowMs?: number, tenant?: string): boolean
  due(nowMs: number): string[]
}

export function assembly(options: Partial<AssemblyOptions> = {}): TestAssembly {
  const memory = new CountingMemory()
  const made = new Assembly({ memory, maxBytes: 64 << 20, maxWaitMs: 30_000, ...options })
  const takePart = (part: Part, nowMs = 0, tenant = 'default') => {
    if (!made.reserve(batchOf([part], tenant))) return false
    made.add(part, tenant, nowMs)
    return true
  }
  return Object.assign(made, {
    memory,
    takePart,
    take: (spans: readonly TestSpan[], nowMs = 0, tenant = 'default') =>
      takePart(partOf(request(spans)), nowMs, tenant),
    due: (nowMs: number) => {
      const out = new Int32Array(1000)
      const count = made.ready(nowMs, out)
      return [...out.subarray(0, count)].map(handle => made.traces.idHex(handle).replace(/^0+/, ''))
    },
  })
}

export function handleOf(a: Assembly, trace: string, tenant = 'default'): number {
  return a.traces.findBytes(a.tenantNumber(tenant), hexBytes(trace, 16))
}

/** All traces that are held, in order of arrival. */
export function allHandles(a: Assembly): Int32Array {
  const handles: number[] = []
  for (let handle = a.oldest(); handle >= 0; handle = a.newer(handle)) handles.push(handle)
  return Int32Array.from(handles)
}

export interface SentSpan {
  readonly resource: string
  readonly scope: string
  /** Content, hex. */
  readonly span: string
}

/** Decodes requests by hand, group by group. */
export function readRequest(bytes: Uint8Array): SentSpan[] {
  const spans: SentSpan[] = []
  for (const [, resource] of children(bytes, 1)) {
    const around = rest(resource, 2)
    for (const [, scope] of children(resource, 2)) {
      const scopeAround = rest(scope, 2)
      for (const [, span] of children(scope, 2)) {
        spans.push({
          resource: around,
          scope: scopeAround,
          span: Buffer.from(span).toString('hex'),
        })
      }
    }
  }
  return spans
}

/** What batches hold, by their index as well as by decoding what they encode to. */
export function readBatches(batches: readonly Batch[]): SentSpan[] {
  const spans: SentSpan[] = []
  for (const batch of batches) {
    for (const part of batch.parts) {
      const fresh = indexRequest('traces', part.payload.bytes)
      if (isWireFault(fresh)) throw new Error(fresh.fault)
      for (let level = 0; level < 3; level++) {
        const was = [...part.index.levels[level]].join(' ')
        const is = [...fresh.levels[level]].join(' ')
        if (was !== is) throw new Error(`level ${level}: index ${was} where ${is} is right`)
      }
    }
    spans.push(...readRequest(flatten(encodeParts(batch.parts))))
  }
  return spans
}

export function sorted(spans: readonly SentSpan[]): string[] {
  return spans.map(each => JSON.stringify(each)).sort()
}

function* children(bytes: Uint8Array, number: number): Generator<[number, Uint8Array]> {
  const fields = new FieldCursor(bytes)
  while (fields.next()) {
    if (fields.number === number) yield [fields.tag, bytes.subarray(fields.start, fields.end)]
  }
}

/** All fields but those with this number, hex. */
function rest(bytes: Uint8Array, number: number): string {
  const fields = new FieldCursor(bytes)
  let text = ''
  while (fields.next()) {
    if (fields.number === number) continue
    text += Buffer.from(bytes.subarray(fields.tag, fields.end)).toString('hex')
  }
  return text
}
