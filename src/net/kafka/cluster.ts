/**
 * A `Wire` over the links of any library: which brokers there are, and who leads what, kept by topic, so that a fault of
 * one topic is of no account to the others.
 */
import type { Timer } from '../../core/clock.ts'
import type { KafkaClusterOptions, KafkaFailure } from './client.ts'
import { failureOfCode, retryLater } from './errors.ts'
import type { CreateLink, Link } from './link.ts'
import {
  type ClusterMetadata,
  decodeInitProducerId,
  decodeMetadata,
  decodeProduce,
  encodeInitProducerId,
  encodeMetadata,
  encodeProduce,
  PRODUCE,
  PRODUCE_VERSIONS,
  type RequestBody,
  type TopicMetadata,
} from './protocol.ts'
import {
  isFailure,
  type ProduceAnswer,
  type ProducerIdentity,
  type SealedBatch,
  type TopicLayout,
  type Wire,
} from './wire.ts'

/** Topics that are remembered; names may come from the data. */
const MAX_TOPICS = 1_000
const MISSING_LEADER = 5
const UNSUPPORTED_VERSION = 35
/** These requests are small: whoever does not answer them in time is asked no more. */
const SMALL_REQUEST_TIMEOUT_MS = 10_000
/** What the time-out's field of a request can hold. */
const MAX_TOLD_MS = 0x7fff_ffff
const TAKEN: ProduceAnswer = { code: 0, said: '', badRecords: [] }

interface TopicState {
  layout: TopicLayout | null
  loadedAtMs: number
  loading: Promise<TopicLayout | KafkaFailure> | null
}

interface Node {
  readonly link: Link
  usedAtMs: number
}

export class Cluster implements Wire {
  readonly #options: KafkaClusterOptions
  readonly #prepare: () => Promise<CreateLink>
  readonly #nodes = new Map<number, Node>()
  #seeds: readonly Node[] = []
  readonly #topics = new Map<string, TopicState>()
  #createLink: CreateLink | null = null
  #nextSeed = 0
  #sweep: Timer | null = null
  #isStopped = false

  /** `prepare` loads the library. */
  constructor(options: KafkaClusterOptions, prepare: () => Promise<CreateLink>) {
    this.#options = options
    this.#prepare = prepare
  }

  async start(): Promise<void> {
    this.#createLink = await this.#prepare()
    const { brokers, idleTimeoutMs, clock } = this.#options
    this.#seeds = brokers.map(address => this.#createNode(...splitAddress(address)))
    if (idleTimeoutMs > 0) this.#sweep = clock.every(idleTimeoutMs / 4, () => this.#closeIdle())
    // The first records find a connection then.
    void this.#any()
  }

  topic(name: string): TopicLayout | Promise<TopicLayout | KafkaFailure> {
    let state = this.#topics.get(name)
    if (state === undefined) this.#topics.set(name, (state = this.#newTopic()))
    const ageMs = this.#options.clock.monotonic() - state.loadedAtMs
    if (state.layout === null || ageMs > this.#options.metadataMaxAgeMs) {
      state.loading ??= this.#load(name, state)
    }
    return state.layout ?? state.loading!
  }

  forget(topic: string): void {
    const state = this.#topics.get(topic)
    if (state !== undefined) state.layout = null
  }

  async produce(
    node: number,
    batches: readonly SealedBatch[],
    acks: number,
  ): Promise<readonly ProduceAnswer[] | KafkaFailure> {
    const target = this.#nodes.get(node)
    if (target === undefined) return retryLater(`broker ${node} is not known`)
    const { link } = target
    const failure = await this.#open(target)
    if (failure !== null) return failure
    const version = produceVersion(link)
    if (version < PRODUCE_VERSIONS.from) {
      return failureOfCode(UNSUPPORTED_VERSION, `${link.host}:${link.port}`)
    }
    const { requestTimeoutMs } = this.#options
    const body = encodeProduce(batches, acks, Math.min(requestTimeoutMs, MAX_TOLD_MS), version)
    const payload = await link.request(body, requestTimeoutMs, acks !== 0)
    if (isFailure(payload)) return payload
    if (acks === 0) return batches.map(() => TAKEN)
    return readAnswer(() => {
      const { answers, throttleMs } = decodeProduce(payload, version, batches)
      if (throttleMs > 0) link.throttle(throttleMs)
      return answers
    })
  }

  async identity(): Promise<ProducerIdentity | KafkaFailure> {
    const payload = await this.#askAny(encodeInitProducerId())
    if (isFailure(payload)) return payload
    return readAnswer(() => {
      const { code, id, epoch } = decodeInitProducerId(payload)
      return code === 0 ? { id, epoch } : failureOfCode(code, 'producer id')
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#sweep?.cancel()
    const all = new Set([...this.#nodes.values(), ...this.#seeds])
    this.#nodes.clear()
    this.#topics.clear()
    await Promise.all([...all].map(({ link }) => link.close()))
  }

  #newTopic(): TopicState {
    if (this.#topics.size >= MAX_TOPICS) {
      const [oldest] = this.#topics.keys()
      this.#topics.delete(oldest)
    }
    return { layout: null, loadedAtMs: Number.NEGATIVE_INFINITY, loading: null }
  }

  /** Asks until some partition has a leader, a few times. */
  async #load(name: string, state: TopicState): Promise<TopicLayout | KafkaFailure> {
    const { metadataRetries, metadataBackoffMs, clock } = this.#options
    let failure = retryLater('shutting down')
    for (let attempt = 0; attempt <= metadataRetries && !this.#isStopped; attempt++) {
      if (attempt > 0) await new Promise<void>(done => clock.after(metadataBackoffMs, done))
      const found = await this.#ask(name)
      if (!isFailure(found) && found.leaders.some(leader => leader >= 0)) {
        state.layout = { leaders: found.leaders }
        state.loadedAtMs = clock.monotonic()
        state.loading = null
        return state.layout
      }
      failure = isFailure(found) ? found : failureOfCode(found.code || MISSING_LEADER, name)
      if (failure.kind === 'drop') break
    }
    state.loading = null
    // What is old is better than nothing, and the cluster is asked again next time.
    return state.layout ?? failure
  }

  async #ask(name: string): Promise<TopicMetadata | KafkaFailure> {
    const payload = await this.#askAny(encodeMetadata([name], this.#options.allowAutoTopicCreation))
    if (isFailure(payload)) return payload
    return readAnswer(() => {
      const metadata = decodeMetadata(payload)
      this.#learnNodes(metadata)
      const topic = metadata.topics.find(found => found.topic === name)
      if (topic === undefined) return retryLater(`${name}: the answer does not mention it`)
      const isKnown = topic.code === 0 || topic.code === MISSING_LEADER
      return isKnown ? topic : failureOfCode(topic.code, name)
    })
  }

  async #askAny(body: RequestBody): Promise<Buffer | KafkaFailure> {
    const target = await this.#any()
    if (isFailure(target)) return target
    return target.link.request(body, SMALL_REQUEST_TIMEOUT_MS, true)
  }

  #learnNodes({ nodes }: ClusterMetadata): void {
    if (this.#isStopped) return
    const known = new Set(nodes.map(({ id }) => id))
    for (const [id, { link }] of this.#nodes) {
      if (known.has(id)) continue
      this.#nodes.delete(id)
      void link.close()
    }
    for (const { id, host, port } of nodes) {
      const link = this.#nodes.get(id)?.link
      if (link?.host === host && link.port === port) continue
      void link?.close()
      const seed = this.#seeds.find(({ link }) => link.host === host && link.port === port)
      this.#nodes.set(id, seed ?? this.#createNode(host, port))
    }
  }

  /** One that is open, else any that can be reached: known ones first, then those of the configuration. */
  async #any(): Promise<Node | KafkaFailure> {
    const nodes = [...this.#nodes.values()]
    const open = [...nodes, ...this.#seeds].find(({ link }) => link.isOpen)
    if (open !== undefined) return open
    const from = this.#nextSeed++
    const seeds = this.#seeds.map((_, i) => this.#seeds[(from + i) % this.#seeds.length])
    let failure = retryLater('no broker is known')
    for (const node of new Set([...nodes, ...seeds])) {
      if (this.#isStopped) break
      const found = await this.#open(node)
      if (found === null) return node
      failure = found
    }
    return failure
  }

  async #open(node: Node): Promise<KafkaFailure | null> {
    node.usedAtMs = this.#options.clock.monotonic()
    if (node.link.isOpen) return null
    return this.#isStopped ? retryLater('shutting down') : node.link.open()
  }

  #closeIdle(): void {
    const { clock, idleTimeoutMs } = this.#options
    const limitMs = clock.monotonic() - idleTimeoutMs
    for (const { link, usedAtMs } of new Set([...this.#nodes.values(), ...this.#seeds])) {
      if (usedAtMs < limitMs && link.isOpen) void link.close()
    }
  }

  #createNode(host: string, port: number): Node {
    return { link: this.#createLink!(host, port), usedAtMs: this.#options.clock.monotonic() }
  }
}

/** A broken answer is a failure like any other. */
function readAnswer<T>(read: () => T): T | KafkaFailure {
  try {
    return read()
  } catch (error) {
    return retryLater(`the answer cannot be read: ${(error as Error).message}`)
  }
}

function produceVersion(link: Link): number {
  const { min, max } = link.versions(PRODUCE)
  return min > PRODUCE_VERSIONS.to ? -1 : Math.min(max, PRODUCE_VERSIONS.to)
}

/** `host:port`, or `[v6]:port`. */
export function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return [host, Number(address.slice(colon + 1))]
}
