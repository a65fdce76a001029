/** The page that Prometheus scrapes: keeps points, and answers from what is kept. */
import { promisify } from 'node:util'
import { gzip as gzipNow } from 'node:zlib'
import type { Batch } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HasServerAuthenticator, ServerAuthenticator } from '../../core/identity.ts'
import type { Counter } from '../../core/meter.ts'
import { MillraceError } from '../../errors.ts'
import {
  plain,
  type StatusAnswer,
  type StatusRequest,
  StatusServer,
} from '../../net/status-server.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { atOnce, inSlices } from '../../util/in-slices.ts'
import { Accumulator, type Reason } from './accumulator.ts'
import { namingOf, type PrometheusConfig } from './config.ts'
import { DUPLICATES, SCRAPES, SERIES } from './metrics.ts'
import { labelName } from './names.ts'
import { type Negotiated, negotiate } from './negotiate.ts'
import { writeProtobuf } from './protobuf.ts'
import { gather } from './scrape.ts'
import { writeText } from './text.ts'

const gzip = promisify(gzipNow)
const RETRY_AFTER_S = '1'
/** Points that are kept within one turn of the event loop. */
const AT_ONCE = 512

/** Points that were not kept, by reason. */
export type Refused = ReadonlyMap<Reason, number>

export class MetricsPage {
  readonly #context: CreateContext<PrometheusConfig>
  readonly #accumulator: Accumulator
  readonly #server: StatusServer
  readonly #duplicates: Counter
  readonly #forgetSeries: () => void
  /** Answers that are being made, by format: who asks meanwhile gets the same. */
  readonly #making = new Map<string, Promise<Buffer>>()
  #authenticator: ServerAuthenticator | null = null
  #timer: Timer | null = null
  #isOpen = false
  /** The batch that came last, until it is kept. */
  #keeping: Promise<void> | null = null

  constructor(context: CreateContext<PrometheusConfig>) {
    const { config, memory, meter, id } = context
    const { endpoint, tls } = config
    this.#context = context
    this.#accumulator = new Accumulator(config, namingOf(config), memory)
    const labels = { exporter: id }
    this.#duplicates = meter.counter(DUPLICATES, labels)
    this.#forgetSeries = meter.observe(SERIES, labels, () => this.#accumulator.series.size)
    const routes = new Map([['/metrics', (request: StatusRequest) => this.#serve(request)]])
    this.#server = new StatusServer({ ...context, endpoint, tls, routes })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get port(): number {
    return this.#server.port
  }

  async start(host: Host): Promise<void> {
    const { config, clock } = this.#context
    if (config.auth !== undefined) this.#authenticator = findAuthenticator(config.auth, host)
    await this.#server.start()
    this.#isOpen = true
    const { metric_expiration } = config
    if (metric_expiration > 0) {
      const every = Math.max(metric_expiration, 1000)
      this.#timer = clock.every(every, () => this.#accumulator.expire(clock.now()))
    }
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    this.#timer?.cancel()
    await this.#server.close()
    await this.#keeping
    this.#accumulator.clear()
    this.#forgetSeries()
  }

  /** Keeps the points; those that cannot be kept by reason. A large batch takes several turns of the event loop. */
  keep(batch: Batch): Refused | Promise<Refused> {
    const refused = new Map<Reason, number>()
    const steps = this.#keepAll(batch, reason => {
      refused.set(reason, (refused.get(reason) ?? 0) + 1)
    })
    if (this.#keeping === null && batch.items <= AT_ONCE) {
      atOnce(steps)
      return refused
    }
    // One after the other: what came first is kept first.
    const before = this.#keeping ?? Promise.resolve()
    const keeping = before.then(() => inSlices(steps))
    this.#keeping = keeping
    return keeping.then(() => {
      if (this.#keeping === keeping) this.#keeping = null
      return refused
    })
  }

  *#keepAll({ parts, tenant }: Batch, refuse: (reason: Reason) => void): Generator<void, void> {
    for (const given of parts) {
      const part = materialise(given)
      try {
        yield* this.#accumulator.add(part, tenant, this.#context.clock.now(), refuse)
      } finally {
        if (part !== given) part.payload.release()
      }
    }
  }

  async #serve({
    headers,
    address = '',
  }: StatusRequest & { address?: string }): Promise<StatusAnswer> {
    const { config, meter, id } = this.#context
    const denied = await this.#deny(headers, address)
    if (denied !== undefined) return denied
    const negotiated = negotiate(headers.accept ?? '', config.enable_open_metrics)
    const isZipped = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(
      String(headers['accept-encoding'] ?? ''),
    )
    const body = await this.#make(negotiated, isZipped)
    meter.counter(SCRAPES, { exporter: id, format: negotiated.format }).value++
    return {
      status: 200,
      contentType: negotiated.contentType,
      body,
      headers: {
        ...config.response_headers,
        vary: 'accept, accept-encoding',
        ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
      },
    }
  }

  async #deny(
    headers: StatusRequest['headers'],
    address: string,
  ): Promise<StatusAnswer | undefined> {
    if (this.#authenticator === null) return undefined
    const outcome = await this.#authenticator.authenticate({
      header: name => [headers[name] ?? []].flat(),
      address,
      certificate: () => null,
    })
    if (outcome.kind === 'granted') return undefined
    if (outcome.code === 'busy') {
      return { ...plain(503, outcome.message), headers: { 'retry-after': RETRY_AFTER_S } }
    }
    if (outcome.code === 'permission_denied') return plain(403, outcome.message)
    return { ...plain(401, outcome.message), headers: { 'www-authenticate': 'Basic, Bearer' } }
  }

  #make(negotiated: Negotiated, isZipped: boolean): Promise<Buffer> {
    const name = `${negotiated.contentType} ${isZipped}`
    let making = this.#making.get(name)
    if (making === undefined) {
      making = this.#write(negotiated, isZipped).finally(() => this.#making.delete(name))
      this.#making.set(name, making)
    }
    return making
  }

  async #write({ format, isUtf8 }: Negotiated, isZipped: boolean): Promise<Buffer> {
    const { config, clock } = this.#context
    this.#accumulator.expire(clock.now())
    const { families, duplicates } = await inSlices(
      gather(this.#accumulator, labelName(config.namespace, namingOf(config)) ?? ''),
    )
    this.#duplicates.value += duplicates
    const options = {
      isUtf8,
      isOpenMetrics: format === 'openmetrics',
      sendTimestamps: config.send_timestamps,
    }
    const pieces =
      format === 'protobuf'
        ? await inSlices(writeProtobuf(families, options))
        : await inSlices(writeText(families, options))
    const page = Buffer.concat(pieces)
    return isZipped ? gzip(page) : page
  }
}

function findAuthenticator(
  { authenticator }: { readonly authenticator: string },
  host: Host,
): ServerAuthenticator {
  const found = host.extension<Component & HasServerAuthenticator>(authenticator)
  if (found !== undefined && 'serverAuthenticator' in found) return found.serverAuthenticator
  const what = found === undefined ? 'is not running' : 'is not an authenticator'
  throw new MillraceError('MILLRACE_START_FAILED', `The extension ${authenticator} ${what}.`)
}
