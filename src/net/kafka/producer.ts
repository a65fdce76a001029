/**
 * A producer over a `Wire`: records are gathered by partition into batches, compressed, and handed to the brokers that
 * lead them, a bounded number of requests to each at a time. What a new leader can cure is tried again here, a few times
 * and soon; anything longer is the caller's to decide.
 *
 * ```
 * send -> partition -> open batch -(full, linger)-> body, compressed -> queue of its leader -> request -> answer
 *                                                        ^---- new leader, new identity, halves ----------|
 * ```
 */
import { MillraceError } from '../../errors.ts'
import type { Abort } from '../../util/abort.ts'
import { compress, type Encoding, giveScratch, loadCodec, takeScratch } from '../compression.ts'
import type { KafkaFailure, KafkaProducer, KafkaProducerOptions, OutgoingRecord } from './client.ts'
import {
  DUPLICATE_SEQUENCE_NUMBER,
  failureOfCode,
  isLostIdentity,
  isStaleLeader,
  retryLater,
} from './errors.ts'
import { Gatherer } from './gatherer.ts'
import { Dispatch, Lanes, type Outgoing, OutgoingBatch, type PartitionLane } from './outgoing.ts'
import {
  BATCH_HEADER_BYTES,
  encodeBatchHeader,
  encodeRecords,
  recordBytes,
} from './record-batch.ts'
import {
  isFailure,
  type ProduceAnswer,
  type ProducerIdentity,
  type TopicLayout,
  type Wire,
} from './wire.ts'

/** Requests to one broker that wait for their answers. */
const MAX_REQUESTS_PER_NODE = 5
const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const MESSAGE_TOO_LARGE = 10
const NO_BYTES: Buffer = Buffer.alloc(0)

export class BatchingProducer implements KafkaProducer {
  readonly #options: KafkaProducerOptions
  readonly #wire: Wire
  readonly #lanes = new Lanes()
  readonly #gatherer: Gatherer
  readonly #nodes = new Map<number, NodeQueue>()
  #identity: ProducerIdentity | null = null
  #asking: Promise<ProducerIdentity | KafkaFailure> | null = null
  readonly #dispatches = new Set<Dispatch>()
  #isStopped = false

  constructor(options: KafkaProducerOptions, wire: Wire) {
    this.#options = options
    this.#wire = wire
    this.#gatherer = new Gatherer(options, this.#lanes, batch => this.#seal(batch))
  }

  async start(): Promise<void> {
    const { compression } = this.#options
    if (compression !== 'none') {
      const codec = await loadCodec(compression as Encoding)
      if (codec?.compress === undefined) {
        const message = `compression ${compression} is not available here; choose gzip or none.`
        throw new MillraceError('MILLRACE_START_FAILED', message)
      }
    }
    await this.#wire.start()
  }

  async send(
    records: readonly OutgoingRecord[],
    abort: Abort,
    late?: (index: number) => void,
  ): Promise<readonly (KafkaFailure | null)[]> {
    if (records.length === 0) return []
    if (this.#isStopped || abort.aborted) return records.map(() => stopped(abort))
    return new Promise(resolve => {
      const dispatch = new Dispatch(records.length, finish, late)
      const onAbort = (): void => dispatch.endAll(stopped(abort))
      const dispatches = this.#dispatches
      function finish(results: readonly (KafkaFailure | null)[]): void {
        abort.removeEventListener('abort', onAbort)
        dispatches.delete(dispatch)
        resolve(results)
      }
      dispatches.add(dispatch)
      abort.addEventListener('abort', onAbort, { once: true })
      this.#sort(records, dispatch)
    })
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const dispatch of [...this.#dispatches]) dispatch.endAll(retryLater('shutting down'))
    this.#lanes.clear()
    this.#nodes.clear()
    await this.#wire.stop()
  }

  /** By topic, since who leads is asked for each. */
  #sort(records: readonly OutgoingRecord[], dispatch: Dispatch): void {
    const byTopic = new Map<string, Outgoing[]>()
    records.forEach((record, index) => {
      const entry = { record, dispatch, index }
      const known = byTopic.get(record.topic)
      if (known === undefined) byTopic.set(record.topic, [entry])
      else known.push(entry)
    })
    for (const [topic, entries] of byTopic) {
      const layout = this.#wire.topic(topic)
      if (!(layout instanceof Promise)) this.#gatherer.place(topic, layout, entries)
      else void layout.then(found => this.#placeOrEnd(topic, found, entries))
    }
  }

  #placeOrEnd(
    topic: string,
    found: TopicLayout | KafkaFailure,
    entries: readonly Outgoing[],
  ): void {
    if (!isFailure(found)) this.#gatherer.place(topic, found, entries)
    else for (const { dispatch, index } of entries) dispatch.end(index, found)
  }

  /** Only here may records that nobody waits for any more be left out. */
  #seal(batch: OutgoingBatch): void {
    batch.entries = batch.entries.filter(({ dispatch, index }) => dispatch.isOpen(index))
    if (batch.entries.length === 0) {
      this.#leave(batch)
      return
    }
    const failed = (error: unknown): void => {
      const message = `compression failed: ${error}`
      this.#finish(batch, { kind: 'drop', reason: 'internal_error', message, code: '' })
    }
    try {
      const records = batch.entries.map(({ record }) => record)
      const { compression } = this.#options
      if (compression === 'none') {
        const { chunks, byteLength } = encodeRecords(records)
        this.#sealed(batch, chunks, byteLength)
        return
      }
      const packed = this.#pack(records)
      const done = (bytes: Uint8Array): void => this.#sealed(batch, [bytes], bytes.length)
      if (packed instanceof Promise) packed.then(done, failed)
      else done(packed)
    } catch (error) {
      failed(error)
    }
  }

  /** The records themselves are of no use once they are compressed. */
  #pack(records: readonly OutgoingRecord[]): Uint8Array | Promise<Uint8Array> {
    const { compression, compressionLevel } = this.#options
    let scratch: Buffer = NO_BYTES
    const take = (bytes: number): Buffer => (scratch = takeScratch(bytes))
    const { chunks, byteLength } = encodeRecords(records, take)
    const packed = compress(compression, chunks, byteLength, compressionLevel)
    if (packed instanceof Promise) return packed.finally(() => giveScratch(scratch))
    giveScratch(scratch)
    return packed
  }

  #sealed(batch: OutgoingBatch, chunks: readonly Uint8Array[], byteLength: number): void {
    const { compression, clock } = this.#options
    const { length: count } = batch.entries
    batch.body = { chunks, byteLength, count, codec: CODECS[compression], timestampMs: clock.now() }
    this.#route(batch)
  }

  #route(batch: OutgoingBatch): void {
    if (this.#isStopped) return
    const layout = this.#wire.topic(batch.topic)
    if (layout instanceof Promise) void layout.then(found => this.#routeTo(batch, found))
    else this.#routeTo(batch, layout)
  }

  #routeTo(batch: OutgoingBatch, found: TopicLayout | KafkaFailure): void {
    if (isFailure(found)) {
      this.#again(batch, found)
      return
    }
    const node = found.leaders[batch.partition] ?? -1
    if (node < 0) {
      this.#wire.forget(batch.topic)
      this.#again(batch, failureOfCode(5, `${batch.topic}/${batch.partition}`))
      return
    }
    let queue = this.#nodes.get(node)
    if (queue === undefined) this.#nodes.set(node, (queue = new NodeQueue()))
    queue.waiting.push(batch)
    this.#pump(node, queue)
  }

  #pump(node: number, queue: NodeQueue): void {
    this.#leaveUnwanted(queue)
    while (queue.waiting.length > 0 && queue.inFlight < MAX_REQUESTS_PER_NODE) {
      if (this.#options.idempotent && this.#identity === null) {
        this.#askIdentity()
        return
      }
      const batches = this.#pick(queue)
      if (batches.length === 0) return
      void this.#request(node, queue, batches)
    }
  }

  /** What a broker that hung has kept waiting until it was given up; it is sent anew, if at all. */
  #leaveUnwanted(queue: NodeQueue): void {
    if (queue.waiting.every(({ isWanted }) => isWanted)) return
    const { waiting } = queue
    queue.waiting = waiting.filter(({ isWanted }) => isWanted)
    for (const batch of waiting) if (!batch.isWanted) this.#giveUp(batch)
  }

  /** The broker may have counted it, or not: the count begins anew. */
  #giveUp(batch: OutgoingBatch): void {
    if (batch.identity !== null) this.#identity = null
    this.#leave(batch)
  }

  #askIdentity(): void {
    if (this.#asking !== null) return
    this.#asking = this.#wire.identity()
    void this.#asking.then(found => {
      this.#asking = null
      if (this.#isStopped) return
      if (!isFailure(found)) this.#identity = found
      for (const [node, queue] of this.#nodes) {
        if (!isFailure(found)) this.#pump(node, queue)
        else for (const batch of queue.waiting.splice(0)) this.#again(batch, found)
      }
    })
  }

  /** For one request: one batch of each partition, and with counted ones only if none of it is on its way. */
  #pick(queue: NodeQueue): OutgoingBatch[] {
    const { maxRequestBytes, idempotent } = this.#options
    const picked: OutgoingBatch[] = []
    const taken = new Set<PartitionLane>()
    let bytes = 0
    for (let i = 0; i < queue.waiting.length; i++) {
      const batch = queue.waiting[i]
      const lane = this.#lanes.of(batch.topic, batch.partition)
      if (taken.has(lane) || (idempotent && lane.inFlight > 0)) continue
      const size = batch.body!.byteLength + BATCH_HEADER_BYTES
      if (picked.length > 0 && bytes + size > maxRequestBytes) break
      bytes += size
      picked.push(batch)
      taken.add(lane)
    }
    if (picked.length === queue.waiting.length) queue.waiting = []
    else if (picked.length > 0) {
      const gone = new Set(picked)
      queue.waiting = queue.waiting.filter(batch => !gone.has(batch))
    }
    return picked
  }

  async #request(node: number, queue: NodeQueue, batches: readonly OutgoingBatch[]): Promise<void> {
    const { clock, acks } = this.#options
    queue.inFlight++
    const sealed = batches.map(batch => {
      const lane = this.#lanes.of(batch.topic, batch.partition)
      lane.inFlight++
      if (this.#identity !== null) this.#count(batch, lane, this.#identity)
      const body = batch.body!
      const header = encodeBatchHeader(body, batch.identity)
      const chunks = [header, ...body.chunks]
      const byteLength = header.length + body.byteLength
      return { topic: batch.topic, partition: batch.partition, chunks, byteLength }
    })
    const since = clock.monotonic()
    const answers = await this.#wire.produce(node, sealed, acks)
    const elapsedMs = clock.monotonic() - since
    queue.inFlight--
    for (const [i, batch] of batches.entries()) {
      this.#lanes.of(batch.topic, batch.partition).inFlight--
      const answer = isFailure(answers) ? answers : answers[i]
      this.#tell(batch, sealed[i].byteLength, elapsedMs, answer)
      if (isFailure(answer)) this.#lost(batch, answer)
      else this.#answered(batch, answer)
    }
    if (this.#isStopped) return
    if (!this.#options.idempotent) this.#pump(node, queue)
    // What waits for these partitions may be with their new leaders by now.
    else for (const [other, waiting] of this.#nodes) this.#pump(other, waiting)
  }

  /** The count goes on from batch to batch; what is sent again keeps its place. */
  #count(batch: OutgoingBatch, lane: PartitionLane, { id, epoch }: ProducerIdentity): void {
    if (batch.identity?.producerId === id) return
    if (lane.producerId !== id) {
      lane.producerId = id
      lane.nextSequence = 0
    }
    batch.identity = { producerId: id, epoch, sequence: lane.nextSequence }
    lane.nextSequence = (lane.nextSequence + batch.entries.length) % 0x8000_0000
  }

  #tell(
    batch: OutgoingBatch,
    bytes: number,
    elapsedMs: number,
    answer: ProduceAnswer | KafkaFailure,
  ): void {
    const { onBatch } = this.#options
    if (onBatch === undefined) return
    let failure: KafkaFailure | null = null
    if (isFailure(answer)) failure = answer
    else if (!isTaken(answer)) failure = failureOfCode(answer.code, batch.topic)
    onBatch({ records: batch.entries.length, bytes, plainBytes: batch.bytes, elapsedMs, failure })
  }

  /** No answer: it may be there or not. */
  #lost(batch: OutgoingBatch, failure: KafkaFailure): void {
    this.#wire.forget(batch.topic)
    this.#again(batch, failure)
  }

  #answered(batch: OutgoingBatch, answer: ProduceAnswer): void {
    const { topic, partition } = batch
    if (isTaken(answer)) {
      this.#finish(batch, null)
      return
    }
    const { code, said, badRecords } = answer
    this.#uncount(batch)
    const failure = failureOfCode(code, `${topic}/${partition}`, said)
    if (code === MESSAGE_TOO_LARGE && batch.entries.length > 1) this.#halve(batch)
    else if (badRecords.length > 0 && badRecords.length < batch.entries.length) {
      this.#leaveOut(batch, badRecords, failure)
    } else if (isLostIdentity(code)) {
      this.#identity = null
      this.#again(batch, failure)
    } else if (failure.kind === 'drop') this.#finish(batch, failure)
    else {
      if (isStaleLeader(code)) this.#wire.forget(topic)
      this.#again(batch, failure)
    }
  }

  /** The broker did not take it, so its numbers are free. Counted batches of a partition go one at a time. */
  #uncount(batch: OutgoingBatch): void {
    const { identity } = batch
    if (identity === null) return
    const lane = this.#lanes.of(batch.topic, batch.partition)
    if (lane.producerId === identity.producerId) lane.nextSequence = identity.sequence
    batch.identity = null
  }

  #halve(batch: OutgoingBatch): void {
    const middle = batch.entries.length >>> 1
    this.#replace(batch, [batch.entries.slice(0, middle), batch.entries.slice(middle)])
  }

  #leaveOut(batch: OutgoingBatch, bad: readonly number[], failure: KafkaFailure): void {
    const places = new Set(bad)
    const final: KafkaFailure = { ...failure, kind: 'drop', reason: 'bad_data' }
    const good: Outgoing[] = []
    for (const [place, entry] of batch.entries.entries()) {
      if (places.has(place)) entry.dispatch.end(entry.index, final)
      else good.push(entry)
    }
    this.#replace(batch, [good])
  }

  #replace(batch: OutgoingBatch, groups: readonly Outgoing[][]): void {
    const lane = this.#lanes.of(batch.topic, batch.partition)
    this.#leave(batch)
    for (const entries of groups) {
      const bytes = entries.reduce(
        (sum, { record }, i) => sum + recordBytes(record, i),
        BATCH_HEADER_BYTES,
      )
      const piece = new OutgoingBatch(batch.topic, batch.partition, entries, bytes)
      piece.attempts = batch.attempts
      lane.bytes += bytes - BATCH_HEADER_BYTES
      this.#seal(piece)
    }
  }

  #again(batch: OutgoingBatch, failure: KafkaFailure): void {
    const { metadataRetries, metadataBackoffMs, clock } = this.#options
    if (this.#isStopped) return
    const mayPass = failure.kind === 'retry' && batch.attempts < metadataRetries
    if (!mayPass || !batch.isWanted) {
      this.#giveUp(batch)
      batch.end(failure)
      return
    }
    batch.attempts++
    clock.after(metadataBackoffMs, () => this.#route(batch))
  }

  #finish(batch: OutgoingBatch, failure: KafkaFailure | null): void {
    this.#leave(batch)
    batch.end(failure)
  }

  #leave(batch: OutgoingBatch): void {
    if (!this.#lanes.leave(batch)) this.#identity = null
  }
}

/** What goes to one broker. */
class NodeQueue {
  waiting: OutgoingBatch[] = []
  inFlight = 0
}

function isTaken({ code }: ProduceAnswer): boolean {
  return code === 0 || code === DUPLICATE_SEQUENCE_NUMBER
}

function stopped({ reason }: Abort): KafkaFailure {
  return retryLater(reason instanceof Error ? reason.message : 'shutting down')
}
