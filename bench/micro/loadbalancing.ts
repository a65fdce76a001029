/**
 * Answers: what does dividing a request among backends cost? Nanoseconds of CPU per item to find the owners and make the
 * shares, by routing key and number of backends, and microseconds per share to encode them. Take ratios within one run.
 *
 *   node --import tsx bench/micro/loadbalancing.ts
 */
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import { Payload } from '../../src/core/payload.ts'
import type { Signal } from '../../src/core/signal.ts'
import { locator, type RoutingKey } from '../../src/exporters/loadbalancing/keys/keys.ts'
import { HashRing } from '../../src/exporters/loadbalancing/ring.ts'
import { Splitter } from '../../src/exporters/loadbalancing/splitter.ts'
import { encodeParts } from '../../src/otlp/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import type { RequestIndex } from '../../src/otlp/request-index.ts'
import { CountingMemory } from '../../src/testing/fakes.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const ROUNDS = 5
const BATCHES = 300

const CASES: readonly { signal: Signal; key: RoutingKey; attributes?: readonly string[] }[] = [
  { signal: 'traces', key: 'traceID' },
  { signal: 'traces', key: 'service' },
  { signal: 'traces', key: 'attributes', attributes: ['service.name', 'http.route'] },
  { signal: 'logs', key: 'traceID' },
  { signal: 'metrics', key: 'metric' },
  { signal: 'metrics', key: 'streamID' },
]

console.log('case                        backends   divide ns/item   encode ns/item   shares')
for (const { signal, key, attributes = [] } of CASES) {
  const bytes = corpusRequest(signal, { items: ITEMS })
  const index = indexRequest(signal, bytes) as RequestIndex
  const splitter = new Splitter(
    { [signal]: locator(signal, key, attributes) },
    new CountingMemory(),
  )
  for (const backends of [1, 3, 10]) {
    const ring = new HashRing(Array.from({ length: backends }, (_, i) => `10.0.0.${i}:4317`))
    const divide = [] as number[]
    const encode = [] as number[]
    let shares = 0
    for (let round = 0; round < ROUNDS; round++) {
      const made: Batch[] = []
      divide.push(
        cpu(() => {
          for (let i = 0; i < BATCHES; i++) {
            const items = index.items
            const part = { payload: new Payload(bytes), index, selection: null, edits: null, items }
            const batch = new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, [part])
            const divided = splitter.split(
              batch,
              position => ring.ownerOf(position),
              owner => owner,
            )
            for (const share of divided) made.push(share.batch)
          }
        }),
      )
      shares = made.length / BATCHES
      encode.push(
        cpu(() => {
          for (const { parts } of made) encodeParts(parts)
        }),
      )
    }
    const name = `${signal} ${key}`.padEnd(28)
    const figures = [median(divide), median(encode)].map(ns => ns.toFixed(1).padStart(14))
    console.log(name, String(backends).padStart(7), ...figures, shares.toFixed(1).padStart(10))
  }
}

/** Nanoseconds per item. */
function cpu(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / (BATCHES * ITEMS)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}
