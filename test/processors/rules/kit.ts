/** A `rules` processor over files in a folder of its own, with destinations that collect. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import { Batch } from '../../../src/core/batch.ts'
import type { ConfigSpec } from '../../../src/core/factory.ts'
import { Payload } from '../../../src/core/payload.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { config, type RulesConfig } from '../../../src/processors/rules/config.ts'
import { RulesProcessor } from '../../../src/processors/rules/processor.ts'
import { ItemReader } from '../../../src/rules/files/cases/describe-item.ts'
import { partOf } from '../../../src/rules/files/trace.ts'
import {
  CollectingConsumer,
  type FakeServices,
  fakeHost,
  fakeServices,
} from '../../../src/testing/fakes.ts'

export interface Kit {
  readonly processor: RulesProcessor
  readonly services: FakeServices
  readonly next: CollectingConsumer
  readonly to: Readonly<Record<'a' | 'b' | 'm', CollectingConsumer>>
  readonly path: string
  /** Payloads that somebody still holds. */
  held(): number
  batch(names: readonly string[], tenant?: string): Batch
  write(rules: string): void
  writeCases(cases: string): void
}

export function rulesText(rules: string): string {
  return `version: 1\nrules:\n${rules}\n`
}

/** Not started. */
export function makeKit(
  t: TestContext,
  rules: string,
  settings: Readonly<Record<string, unknown>> = {},
  signal: Signal = 'traces',
): Kit {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rules-'))
  const path = join(folder, 'r.yaml')
  const write = (text: string): void => writeFileSync(path, rulesText(text))
  write(rules)
  const services = fakeServices()
  const next = new CollectingConsumer()
  const to = {
    a: new CollectingConsumer(),
    b: new CollectingConsumer(),
    m: new CollectingConsumer(),
  }
  const section = { files: [path], watch: false, ...settings }
  const verdict = judgeSection(config as ConfigSpec<unknown>, section)
  if (verdict.faults.length > 0) throw new Error(JSON.stringify(verdict.faults))
  const context = {
    ...services,
    id: 'rules',
    config: verdict.config as RulesConfig,
    signals: [signal],
    destinations: new Map(Object.entries(to)),
  }
  const processor = new RulesProcessor(context, next)
  let held = 0
  t.after(async () => {
    await processor.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    processor,
    services,
    next,
    to,
    path,
    held: () => held,
    batch: (names, tenant = 'default') => {
      const part = partOf('traces', spans(names))
      held++
      const payload = new Payload(part.payload.bytes, { onFree: () => held-- })
      services.ledger.accepted(tenant, 'traces', names.length)
      return new Batch('traces', tenant, { metadata: new Map(), peer: '' }, [{ ...part, payload }])
    },
    write,
    writeCases: cases => writeFileSync(path.replace('.yaml', '.cases.yaml'), cases),
  }
}

export async function startKit(...args: Parameters<typeof makeKit>): Promise<Kit> {
  const kit = makeKit(...args)
  await kit.processor.start(fakeHost())
  return kit
}

/** The n-th span has a trace of its own, made of n. */
export function traceOf(n: number): string {
  return (n + 1).toString(16).padStart(32, '0')
}

function spans(names: readonly string[]): Uint8Array {
  const request = {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: names.map((name, i) => ({ name, traceId: traceOf(i), spanId: '1'.repeat(16) })),
          },
        ],
      },
    ],
  }
  return decodeJson('traces', Buffer.from(JSON.stringify(request))) as Uint8Array
}

/** Names of all spans that a consumer has, after edits. */
export function namesOf(consumer: CollectingConsumer): string[] {
  const reader = new ItemReader()
  return consumer.batches.flatMap(batch => {
    const bytes = flatten(encodeParts(batch.parts))
    const { index } = partOf('traces', bytes)
    return Array.from({ length: index.items }, (_, i) => reader.read(bytes, index, i).title)
  })
}

/** As if every destination had delivered what it holds. */
export function deliverAll({ services, next, to }: Kit): void {
  for (const consumer of [next, ...Object.values(to)]) {
    for (const batch of consumer.batches) {
      services.ledger.sent(batch.tenant, batch.signal, batch.items)
    }
    consumer.releaseAll()
  }
}
