/**
 * Answers: what does one request for Kafka cost before it is compressed, in nanoseconds of CPU per span? `divide` finds
 * what becomes one record, `write` makes the values, by what decides where a span goes. Take ratios within one run.
 *
 *   node --import tsx bench/micro/kafka.ts
 */
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import { Payload } from '../../src/core/payload.ts'
import { config } from '../../src/exporters/kafka/config.ts'
import { Delivery } from '../../src/exporters/kafka/delivery.ts'
import { Plan } from '../../src/exporters/kafka/plan.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import type { RequestIndex } from '../../src/otlp/request-index.ts'
import { type EncodingWriter, writerOf } from '../../src/translate/encoding/writers.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const ROUNDS = 7
const BATCHES = 200

const CASES: Readonly<Record<string, object>> = {
  'by nothing': {},
  'by trace': { partition_traces_by_id: true },
  'by trace, JSON': { partition_traces_by_id: true, traces: { encoding: 'otlp_json' } },
}

const bytes = corpusRequest('traces', { items: ITEMS })
const index = indexRequest('traces', bytes) as RequestIndex

console.log('case               records   divide ns/span   write ns/span')
for (const [name, section] of Object.entries(CASES)) {
  const settings = config.schema.parse(section)
  const plan = new Plan('traces', settings)
  const writer = writerOf(settings.traces.encoding, 'traces')!
  const divided: number[] = []
  const written: number[] = []
  let records = 0
  for (let round = 0; round < ROUNDS; round++) {
    const deliveries: Delivery[] = []
    divided.push(cpu(() => divide(plan, writer, deliveries)))
    records = 0
    written.push(
      cpu(() => {
        for (const delivery of deliveries) records += delivery.messages(null).length
      }),
    )
  }
  const figures = [median(divided), median(written)].map(ns => ns.toFixed(0).padStart(15))
  console.log(name.padEnd(16), (records / BATCHES).toFixed(0).padStart(9), ...figures)
}

function divide(plan: Plan, writer: EncodingWriter, deliveries: Delivery[]): void {
  for (let i = 0; i < BATCHES; i++) {
    const payload = new Payload(bytes)
    const part = { payload, index, selection: null, edits: null, items: index.items }
    const delivery = new Delivery({ writer, limit: () => 1_000_000 })
    for (const unit of plan.units(new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part]))) {
      delivery.add(unit)
    }
    deliveries.push(delivery)
  }
}

/** Nanoseconds per span. */
function cpu(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / (BATCHES * ITEMS)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}
