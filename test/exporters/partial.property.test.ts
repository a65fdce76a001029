/**
 * Batches that a destination takes in part: whatever it answers to each request, what it took is booked as sent, the rest
 * as dropped with a reason, and the dead letters hold exactly that rest.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { section } from '../../src/config/fields.ts'
import type { Batch } from '../../src/core/batch.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import { PostMessage } from '../../src/exporters/jaeger/post-message.ts'
import type { KafkaConfig } from '../../src/exporters/kafka/config.ts'
import { KafkaSender } from '../../src/exporters/kafka/exporter.ts'
import { factory as kafkaFactory } from '../../src/exporters/kafka/factory.ts'
import { sendingFields } from '../../src/exporters/sending/config.ts'
import { createSendingExporter } from '../../src/exporters/sending/exporter.ts'
import { IdsApart, NO_IDS } from '../../src/exporters/sending/ids-apart.ts'
import { type Message, PieceSender } from '../../src/exporters/sending/pieces.ts'
import type { EncodedBatch, Sender, SendResult } from '../../src/exporters/sending/sender.ts'
import { SpanList } from '../../src/exporters/zipkin/span-list.ts'
import type { KafkaFailure, KafkaProducer, OutgoingRecord } from '../../src/net/kafka/client.ts'
import { failureOfCode, retryLater } from '../../src/net/kafka/errors.ts'
import { flatten } from '../../src/otlp/encode.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { fakeHost, fakeServices, settle } from '../../src/testing/fakes.ts'
import { writeJaegerPosts } from '../../src/translate/jaeger/write.ts'
import { writeZipkinJson } from '../../src/translate/zipkin/write-json.ts'
import { decode, encode } from '../otlp/oracle.ts'
import { acceptBatch } from './batch-of.ts'
import { FakeStorage } from './sending/fake-storage.ts'

/** How the peer answers one request or record. */
type Answer = 'take' | 'later' | 'lost' | 'too_large' | 'forbidden' | 'late'

const answers = fc.array(
  fc.constantFrom<Answer>('take', 'take', 'later', 'lost', 'too_large', 'forbidden', 'late'),
  { minLength: 1, maxLength: 12 },
)

const fields = section(sendingFields())
const SETTINGS = {
  retry_on_failure: { max_elapsed_time: '4s', initial_interval: '2s', max_interval: '4s' },
  retry_budget: { enabled: false },
  circuit_breaker: { enabled: false },
}

/** Plays the destination: answers by a list, over and over, and remembers the ids of the spans that it took. */
class Peer {
  readonly taken: string[] = []
  readonly #answers: readonly Answer[]
  #n = 0

  constructor(answers: readonly Answer[]) {
    this.#answers = answers
  }

  next(ids: readonly string[]): Answer {
    const answer = this.#answers[this.#n++ % this.#answers.length]
    if (answer === 'take') this.taken.push(...ids)
    return answer
  }
}

/** As the zipkin and the jaeger exporter send, without a network. */
class PostingSender implements Sender {
  readonly pieces = new PieceSender(0)
  readonly #peer: Peer
  readonly #kind: 'zipkin' | 'jaeger'

  constructor(peer: Peer, kind: 'zipkin' | 'jaeger') {
    this.#peer = peer
    this.#kind = kind
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async send({ batch, chunks, byteLength }: EncodedBatch): Promise<SendResult> {
    const messages: Message[] = []
    let refused = 0
    if (this.#kind === 'zipkin') {
      const written = writeZipkinJson(batch.parts)
      refused = written.refused
      if (written.spans > 0) messages.push(new SpanList(written, 'json'))
    } else {
      const written = writeJaegerPosts(flatten({ chunks: [...chunks], byteLength }))
      refused = written.refused
      messages.push(...written.posts.map(post => new PostMessage(post)))
    }
    const translation = { messages, refused, refusal: NO_IDS }
    return this.pieces.send(batch, translation, async request => {
      await Promise.resolve()
      return this.#answer(flatten(request))
    })
  }

  #answer(bytes: Uint8Array): SendResult {
    switch (this.#peer.next(this.#kind === 'zipkin' ? zipkinIds(bytes) : idsIn(bytes))) {
      case 'take':
        return { kind: 'sent' }
      case 'too_large':
        return { kind: 'drop', reason: 'too_large', message: 'too large' }
      case 'forbidden':
        return { kind: 'drop', reason: 'permission_denied', message: 'no' }
      default:
        return { kind: 'retry', message: 'not now' }
    }
  }
}

class FakeProducer implements KafkaProducer {
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async send(records: readonly OutgoingRecord[], _: unknown, late?: (index: number) => void) {
    await Promise.resolve()
    return records.map(({ value }, i): KafkaFailure | null => {
      const ids = idsIn(Buffer.concat(value))
      switch (this.#peer.next(ids)) {
        case 'take':
          return null
        case 'too_large':
          return failureOfCode(10, 't')
        case 'forbidden':
          return failureOfCode(29, 't')
        case 'late':
          // Told before the answer has been looked at: later it would not count where the batch is given up by then.
          this.#peer.taken.push(...ids)
          late?.(i)
          return retryLater('no answer in time')
        case 'lost':
          return retryLater('connection lost')
        default:
          return failureOfCode(6, 't')
      }
    })
  }
}

/** Each span is known by eight bytes that occur nowhere else. */
function idOf(n: number): Buffer {
  const id = Buffer.alloc(8, 0xa7)
  id.writeUInt16BE(n + 1, 4)
  return id
}

const MARK = Buffer.from('a7a7a7a7', 'hex')

/** In any encoding that has ids as bytes. */
function idsIn(bytes: Uint8Array): string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const ids: string[] = []
  for (let at = all.indexOf(MARK); at >= 0; at = all.indexOf(MARK, at + 8)) {
    ids.push(all.toString('hex', at, at + 8))
  }
  return ids
}

function zipkinIds(bytes: Uint8Array): string[] {
  return (JSON.parse(Buffer.from(bytes).toString()) as { id: string }[]).map(({ id }) => id)
}

/** Spans of several traces by turns, in several resources. */
function requestOf(from: number, resources: number, spans: number): Uint8Array {
  let n = from
  const resourceSpans = Array.from({ length: resources }, () => ({
    scopeSpans: [
      {
        spans: Array.from({ length: spans }, () => ({
          traceId: Buffer.alloc(16, 1 + (n % 3)),
          spanId: idOf(n++),
          name: 'work',
        })),
      },
    ],
  }))
  return encode(REQUEST_MESSAGE.traces, { resourceSpans })
}

type Kind = 'zipkin' | 'jaeger' | 'kafka' | 'kafka_by_trace' | 'kafka_by_span'

async function start(kind: Kind, peer: Peer, isStored: boolean) {
  const services = fakeServices()
  const storage = new FakeStorage()
  const queue = isStored ? { storage: 'disk' } : {}
  const settings = { ...SETTINGS, sending_queue: { ...queue, num_consumers: 2 } }
  let sender: Sender
  if (kind === 'zipkin' || kind === 'jaeger') {
    const posting = new PostingSender(peer, kind)
    sender = new IdsApart(posting, posting.pieces)
  } else {
    const config = (kafkaFactory as Factory).config.schema.parse({
      ...(kind === 'kafka_by_trace' && { partition_traces_by_id: true }),
      ...(kind === 'kafka_by_span' && { traces: { encoding: 'jaeger_proto' } }),
    }) as KafkaConfig
    const context = { ...services, id: 'peer', config, signals: ['traces'] as const }
    sender = new KafkaSender(context, async () => ({
      producer: () => new FakeProducer(peer),
      consumer: () => assert.fail('no consumer'),
    }))
  }
  const config = fields.parse(settings)
  const context = { ...services, id: 'peer', config, signals: ['traces'] as const }
  const exporter: Component & Consumer = createSendingExporter(context, config, sender, {
    random: () => 0.5,
  })
  await exporter.start(fakeHost(new Map([['disk', storage]])))
  return { exporter, services, storage }
}

for (const kind of ['zipkin', 'jaeger', 'kafka', 'kafka_by_trace', 'kafka_by_span'] as const) {
  test(`${kind}: what was taken is sent, what was not is dropped with a reason and in a letter`, async () => {
    const shape = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }))
    await fc.assert(
      fc.asyncProperty(
        answers,
        fc.array(shape, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (script, shapes, isStored) => {
          const peer = new Peer(script)
          const { exporter, services, storage } = await start(kind, peer, isStored)
          const fed: { batch: Batch; freed(): boolean }[] = []
          let accepted = 0
          for (const [resources, spans] of shapes) {
            const made = acceptBatch(services, 'traces', requestOf(accepted, resources, spans))
            accepted += made.batch.items
            fed.push(made)
            assert.equal((await exporter.consume(made.batch)).kind, 'accepted')
          }
          for (let i = 0; i < 40; i++) {
            for (let turn = 0; turn < 5; turn++) await settle()
            await services.clock.advance(1000)
          }
          await exporter.stop(new AbortController().signal)

          const [row] = services.ledger.rows()
          const dropped = row.dropped.reduce((sum, { items }) => sum + items, 0)
          assert.equal(new Set(peer.taken).size, peer.taken.length, 'taken twice')
          assert.equal(row.sent, peer.taken.length)
          assert.equal(row.sent + dropped, accepted)
          assert.equal(row.held, 0)
          for (const { freed } of fed) assert.ok(isStored || freed())
          if (!isStored) return
          const kept = storage.kept.map(letter => {
            const bytes = Buffer.concat(letter.chunks)
            decode(REQUEST_MESSAGE.traces, bytes)
            const ids = idsIn(bytes)
            assert.equal(ids.length, letter.items)
            return [letter.reason, ids] as const
          })
          const left = kept.flatMap(([, ids]) => ids)
          assert.equal(new Set([...left, ...peer.taken]).size, accepted)
          assert.equal(left.length, dropped)
          for (const { reason, items } of row.dropped) {
            const own = kept.filter(([why]) => why === reason).flatMap(([, ids]) => ids)
            assert.equal(own.length, items, reason)
          }
        },
      ),
      { numRuns: 100 },
    )
  })
}
