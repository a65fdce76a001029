/**
 * The composition root: a checked configuration becomes running pipelines. A newcomer starts here.
 *
 * `start` builds the graph and starts it from the exporters to the receivers; `reload` goes from one configuration to
 * the next without a gap; `stop` takes nothing new, hands on what is held, and says what could not be delivered.
 */
import type { LoadedConfig } from './config/loaded.ts'
import { metricsListeners } from './config/telemetry-section.ts'
import type { HasAuditTrail } from './core/audit.ts'
import { type Clock, SYSTEM_CLOCK } from './core/clock.ts'
import type { Inspector, LedgerRowView } from './core/component.ts'
import type { Logger } from './core/logger.ts'
import type { HasLetterControl, HasQueueControl } from './core/queue-control.ts'
import type { HasRuleControl } from './core/rule-control.ts'
import type { HasSamplerControl } from './core/sampler-control.ts'
import type { HasTenantControl } from './core/tenant-control.ts'
import { buildGraph, type Graph, type GraphServices } from './pipeline/graph.ts'
import { LedgerCheck } from './pipeline/ledger-check.ts'
import { Lifecycle, stopLayers } from './pipeline/lifecycle.ts'
import { ProcessMemory } from './pipeline/memory-budget.ts'
import { defaultLimitBytes } from './pipeline/memory-limit.ts'
import { MetricsEndpoint } from './pipeline/metrics-endpoint.ts'
import type { Node } from './pipeline/node.ts'
import { observeProcess, publishLedger } from './pipeline/observe.ts'
import { GraphReload, type ReloadSummary } from './pipeline/reload.ts'
import { RELOADS } from './telemetry/catalogue.ts'
import { AccountingLedger } from './telemetry/ledger.ts'
import { PromMeter } from './telemetry/meter.ts'
import { TenantLabels } from './telemetry/tenant-labels.ts'
import { TenantBook } from './tenancy/book/tenant-book.ts'
import { TenantUsage } from './tenancy/usage/tenant-usage.ts'
import { INSTANCE_ID } from './util/instance-id.ts'

/** Soft limit = hard limit less this share, where nothing else is configured (upstream's spike_limit default). */
const SPIKE_SHARE = 0.2
const CHECK_INTERVAL_MS = 1000
/** Components that a reload replaces get so long to hand on what they hold. */
const RELOAD_DRAIN_MS = 30_000
/** Receivers that a reload replaces get so long for requests in flight: nobody listens on their address meanwhile. */
const HAND_OVER_MS = 5000
/** Components of a start that failed get so long to stop. */
const FAILED_START_MS = 5000
/** Receivers may wait for slow clients during this share of a shutdown; the rest is for handing on what is held. */
const RECEIVERS_SHARE = 0.25

export interface CollectorOptions {
  readonly log: Logger
  readonly clock?: Clock
}

/** What came of everything that was accepted. */
export interface StopReport {
  readonly rows: readonly LedgerRowView[]
  readonly balanced: boolean
  /** Items that were accepted and could not be delivered before the deadline. */
  readonly undelivered: number
  /** Items that stay on disk and are sent by the next process. */
  readonly kept: number
}

export class Collector {
  readonly ledger = new AccountingLedger()
  readonly inspector: Inspector
  readonly #services: GraphServices & { readonly memory: ProcessMemory; readonly meter: PromMeter }
  readonly #lifecycle: Lifecycle
  readonly #metrics: MetricsEndpoint
  readonly #check: LedgerCheck
  readonly #usage: TenantUsage
  #config: LoadedConfig
  #graph: Graph | null = null
  #ready = false
  #stopped: Promise<StopReport> | null = null
  /** Aborts at the deadline of the shutdown, also for what a reload is still draining. */
  readonly #shutdown = new AbortController()
  #lastReload: Promise<unknown> = Promise.resolve()

  constructor(config: LoadedConfig, options: CollectorOptions) {
    const { log, clock = SYSTEM_CLOCK } = options
    const limitBytes = defaultLimitBytes()
    const limits = {
      limitBytes,
      spikeBytes: Math.floor(limitBytes * SPIKE_SHARE),
      checkIntervalMs: CHECK_INTERVAL_MS,
    }
    const memory = new ProcessMemory(limits, clock, log)
    const meter = new PromMeter({ service_instance_id: INSTANCE_ID })
    const transit = { items: 0 }
    this.#config = config
    const labels = new TenantLabels()
    this.#usage = new TenantUsage({ ledger: this.ledger, clock, labels })
    const tenancy = new TenantBook({ clock, usage: this.#usage })
    this.#services = { log, clock, ledger: this.ledger, memory, meter, tenancy, transit }
    this.inspector = this.#inspect(clock.now())
    this.#lifecycle = new Lifecycle(this.inspector, this.#services)
    const source = {
      contentType: meter.contentType,
      exposition: () => {
        publishLedger(meter, this.ledger, labels)
        this.#usage.publish(meter)
        return meter.exposition()
      },
    }
    this.#metrics = new MetricsEndpoint(source, { log, clock })
    const rows = () => this.ledger.rows()
    this.#check = new LedgerCheck({ rows, transit, clock, log, meter, labels })
    observeProcess(meter, memory, clock)
  }

  /** Throws a coded error that names the component; nothing is left running then. */
  start(): Promise<void> {
    const run = this.#start()
    // A reload that is asked for meanwhile waits.
    this.#lastReload = run.catch(() => {})
    return run
  }

  /** Throws when the new configuration does not start; the old one runs on then. Reloads run one after another. */
  reload(config: LoadedConfig): Promise<ReloadSummary> {
    const run = this.#lastReload.then(() => this.#reload(config))
    this.#lastReload = run.catch(() => {})
    return run
  }

  /** Safe twice: the second call waits for the first. */
  stop(withinMs: number): Promise<StopReport> {
    this.#stopped ??= this.#stop(withinMs)
    return this.#stopped
  }

  async #start(): Promise<void> {
    const graph = buildGraph(this.#config, this.#services)
    graph.wire()
    await this.#metrics.listen(metricsListeners(this.#config.service.telemetry))
    try {
      await this.#lifecycle.start(graph.nodes, () => AbortSignal.timeout(FAILED_START_MS))
    } catch (error) {
      await this.#metrics.listen([])
      throw error
    }
    this.#graph = graph
    this.#ready = true
    this.#services.memory.start()
    this.#check.start()
    this.#usage.start()
  }

  async #reload(config: LoadedConfig): Promise<ReloadSummary> {
    if (this.#graph === null || this.#stopped !== null)
      throw new Error('the collector does not run')
    const { meter } = this.#services
    try {
      const summary = await this.#replaceGraph(this.#graph, config)
      meter.counter(RELOADS, { result: 'success' }).value++
      return summary
    } catch (error) {
      meter.counter(RELOADS, { result: 'failure' }).value++
      throw error
    }
  }

  async #replaceGraph(running: Graph, config: LoadedConfig): Promise<ReloadSummary> {
    const within = (ms: number): AbortSignal =>
      AbortSignal.any([AbortSignal.timeout(ms), this.#shutdown.signal])
    const before = metricsListeners(this.#config.service.telemetry)
    await this.#metrics.listen(metricsListeners(config.service.telemetry))
    const reload = new GraphReload(running, this.#services, this.#lifecycle, {
      drain: () => within(RELOAD_DRAIN_MS),
      handOver: () => within(HAND_OVER_MS),
    })
    const { graph, summary, failure } = await reload.run(config)
    this.#graph = graph
    if (failure !== null) {
      await this.#metrics.listen(before)
      throw failure
    }
    this.#config = config
    await this.#audit(graph, summary)
    return summary
  }

  /** What changed is written down where a component keeps such a log. */
  async #audit({ nodes }: Graph, { started, stopped }: ReloadSummary): Promise<void> {
    const event = { action: 'config.reload', actor: 'collector', subject: 'configuration' }
    for (const { component, id } of nodes) {
      const { auditTrail } = component as Partial<HasAuditTrail>
      try {
        await auditTrail?.append({ ...event, detail: { started, stopped } })
      } catch (error) {
        const { message } = error as Error
        this.#services.log.error('config_reload_not_audited', { component: id, error: message })
      }
    }
  }

  async #stop(withinMs: number): Promise<StopReport> {
    const deadline = AbortSignal.timeout(withinMs)
    deadline.addEventListener('abort', () => this.#shutdown.abort(), { once: true })
    this.#ready = false
    await this.#lastReload
    // What a reload left on disk was taken up again since.
    const keptBefore = kept(this.ledger.rows())
    if (this.#graph !== null) await this.#stopGraph(this.#graph, deadline, withinMs)
    await this.#metrics.listen([])
    this.#check.stop()
    this.#usage.stop()
    this.#services.memory.stop()
    const rows = this.ledger.rows()
    const lost = rows.flatMap(row => row.dropped).filter(drop => drop.reason === 'shutdown')
    return {
      rows,
      balanced: rows.every(row => row.balanced && row.held === 0),
      undelivered: lost.reduce((sum, drop) => sum + drop.items, 0),
      kept: kept(rows) - keptBefore,
    }
  }

  async #stopGraph(graph: Graph, deadline: AbortSignal, withinMs: number): Promise<void> {
    const isReceiver = (node: Node): boolean => node.kind === 'receiver'
    const receivers = graph.nodes.filter(isReceiver)
    const others = graph.nodes.filter(node => !isReceiver(node))
    const sooner = AbortSignal.any([
      deadline,
      AbortSignal.timeout(Math.ceil(withinMs * RECEIVERS_SHARE)),
    ])
    await this.#lifecycle.stop(stopLayers(graph, receivers), sooner)
    await this.#lifecycle.stop(stopLayers(graph, others), deadline)
  }

  #inspect(startedAtMs: number): Inspector {
    const { memory } = this.#services
    return {
      startedAtMs,
      ready: () => this.#ready,
      components: () => this.#lifecycle.statuses(),
      pipelines: () => [...this.#config.service.pipelines.values()],
      ledger: () => this.ledger.rows(),
      memory: () => ({
        limitBytes: memory.limitBytes,
        reservedBytes: memory.reservedBytes,
        rssBytes: process.memoryUsage.rss(),
      }),
      rules: () => this.#withProperty<HasRuleControl>('ruleControl').map(each => each.ruleControl),
      samplers: () =>
        this.#withProperty<HasSamplerControl>('samplerControl').map(each => each.samplerControl),
      queues: () =>
        this.#withProperty<HasQueueControl>('queueControl').map(each => each.queueControl),
      letters: () =>
        this.#withProperty<HasLetterControl>('letterControl').map(each => each.letterControl),
      tenants: () =>
        this.#withProperty<HasTenantControl>('tenantControl').map(each => each.tenantControl),
      usage: () => this.#usage,
    }
  }

  #withProperty<T>(name: keyof T & string): readonly T[] {
    const components = this.#graph?.nodes.map(node => node.component) ?? []
    return components.filter((each): each is typeof each & T => name in each)
  }
}

function kept(rows: readonly LedgerRowView[]): number {
  return rows.reduce((sum, row) => sum + row.kept, 0)
}
