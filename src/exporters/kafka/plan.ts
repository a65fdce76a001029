/**
 * What becomes one record: the request as it is, or, where topics and keys come from the data, what has the same of both.
 * Only selections are made here; no bytes are copied.
 */
import type { Batch, RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { hashAttributes } from '../../otlp/attributes-hash.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { LogsView } from '../../otlp/logs-view.ts'
import { MetricsView } from '../../otlp/metrics-view.ts'
import { isWireFault, PARENT, ROW } from '../../otlp/request-index.ts'
import type { RequestView } from '../../otlp/request-view.ts'
import { Selection } from '../../otlp/selection.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { type KafkaConfig, signalConfig } from './config.ts'
import { TraceUnits } from './trace-units.ts'

export interface Unit {
  readonly topic: string
  readonly key: Uint8Array | null
  readonly parts: readonly EncodePart[]
  readonly items: number
}

/** What is looked at of each item. */
type Grouping = 'none' | 'resource' | 'trace'

export class Plan {
  readonly #signal: Signal
  readonly #config: KafkaConfig
  readonly #own: KafkaConfig['traces']
  readonly #grouping: Grouping
  readonly #keyFromResource: boolean
  readonly #traces: TraceUnits | null

  constructor(signal: Signal, config: KafkaConfig) {
    this.#signal = signal
    this.#config = config
    this.#own = signalConfig(config, signal)
    this.#keyFromResource = hasResourceKey(signal, config)
    const byTopic = config.topic_from_attribute !== ''
    if (hasTraceKey(signal, config)) this.#grouping = 'trace'
    else this.#grouping = byTopic || this.#keyFromResource ? 'resource' : 'none'
    const isByTrace = this.#grouping === 'trace' && signal !== 'metrics'
    this.#traces = isByTrace ? new TraceUnits(signal) : null
  }

  /** At least one unit, in the order in which their first items stand. */
  units(batch: Batch): Unit[] {
    const { topic, isFixed } = this.#topicOf(batch.context)
    const key = this.#keyOf(batch.context)
    const { items } = batch
    // The topic is known: resources need not be looked at for it.
    const isOne =
      this.#grouping === 'none' ||
      (this.#grouping === 'resource' && isFixed && !this.#keyFromResource)
    if (isOne) return [{ topic, key, parts: batch.parts, items }]
    const parts = batch.parts.map(part => laidOut(part, this.#signal))
    if (this.#traces !== null && isFixed) return this.#traces.units(parts, topic)
    const groups = new Groups()
    const attribute = isFixed ? '' : this.#config.topic_from_attribute
    for (const part of parts) this.#group(part, attribute, topic, groups)
    return groups.units()
  }

  #topicOf({ metadata }: RequestContext): { topic: string; isFixed: boolean } {
    const { topic, topic_from_metadata_key: from } = this.#own
    const found = from === '' ? undefined : metadata.get(from.toLowerCase())?.[0]
    return found === undefined
      ? { topic, isFixed: this.#config.topic_from_attribute === '' }
      : { topic: found, isFixed: true }
  }

  #keyOf({ metadata }: RequestContext): Uint8Array | null {
    const { message_key_from_metadata_key: from } = this.#own
    const found = from === '' ? undefined : metadata.get(from.toLowerCase())?.[0]
    return found === undefined || found === '' ? null : Buffer.from(found)
  }

  #group(part: EncodePart, attribute: string, fixedTopic: string, groups: Groups): void {
    const view = viewOf(this.#signal)
    view.reset(part.payload.bytes, part.index)
    let resource = -1
    let topic = fixedTopic
    let key: Uint8Array | null = null
    for (let item = 0; item < part.index.items; item++) {
      if (part.selection !== null && !part.selection.has(item)) continue
      const row = resourceOf(part, item)
      const isNew = row !== resource
      resource = row
      const traceId = readItem(view, item, this.#grouping === 'trace' || isNew)
      if (isNew) {
        const { attributes } = view.resource
        topic = attribute === '' ? fixedTopic : textOf(attributes.get(attribute)) || fixedTopic
        key = this.#keyFromResource ? hashAttributes(attributes, part.payload.bytes) : null
      }
      if (this.#grouping === 'trace') key = traceId === '' ? null : Buffer.from(traceId, 'latin1')
      groups.add(part, item, topic, key)
    }
  }
}

function hasTraceKey(signal: Signal, config: KafkaConfig): boolean {
  if (signal === 'logs') return config.partition_logs_by_trace_id
  if (signal !== 'traces' || !config.partition_traces_by_id) return false
  return !signalConfig(config, 'traces').encoding.startsWith('jaeger_')
}

function hasResourceKey(signal: Signal, config: KafkaConfig): boolean {
  if (signal === 'metrics') return config.partition_metrics_by_resource_attributes
  return signal === 'logs' && config.partition_logs_by_resource_attributes
}

const traces = new TracesView()
const metrics = new MetricsView()
const logs = new LogsView()

function viewOf(signal: Signal): TracesView | MetricsView | LogsView {
  if (signal === 'traces') return traces
  return signal === 'metrics' ? metrics : logs
}

/** Moves the view to an item where anything of it is looked at; returns its trace id, or nothing. */
function readItem(view: RequestView, item: number, isNeeded: boolean): string {
  if (!isNeeded) return ''
  if (view === traces) return traces.moveTo(item).traceId
  if (view === logs) return logs.moveTo(item).traceId
  metrics.moveTo(item)
  return ''
}

function resourceOf({ index }: EncodePart, item: number): number {
  let row = item
  for (let level = index.levels.length - 1; level > 0; level--) {
    row = index.levels[level][row * ROW + PARENT]
  }
  return row
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Edits may change what is looked at, so they are laid out before. */
function laidOut(part: EncodePart, signal: Signal): EncodePart {
  if (part.edits === null || part.edits.size === 0) return part
  const bytes = flatten(encodeParts([part]))
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error('edits made a request that is not valid')
  return { payload: { bytes }, index, selection: null, edits: null, items: index.items }
}

interface Group {
  readonly topic: string
  readonly key: Uint8Array | null
  readonly selections: Map<EncodePart, Selection>
}

/** Items by topic and key. */
class Groups {
  readonly #groups = new Map<string, Group>()
  #last: Group | null = null

  add(part: EncodePart, item: number, topic: string, key: Uint8Array | null): void {
    const group = this.#find(topic, key)
    const selection = group.selections.get(part)
    if (selection === undefined) {
      group.selections.set(part, Selection.range(part.index.items, item, item + 1))
    } else selection.set(item)
  }

  units(): Unit[] {
    return [...this.#groups.values()].map(({ topic, key, selections }) => {
      let items = 0
      const parts = [...selections].map(([part, selection]) => {
        items += selection.count
        return { ...part, selection, items: selection.count }
      })
      return { topic, key, parts, items }
    })
  }

  #find(topic: string, key: Uint8Array | null): Group {
    const last = this.#last
    // Items of one resource share the very key.
    if (last !== null && last.topic === topic && last.key === key) return last
    // Topics come from the data: none may look like another one with its key.
    const own = key === null ? '' : Buffer.from(key).toString('latin1')
    const name = `${key === null ? 'none' : own.length} ${own} ${topic}`
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { topic, key, selections: new Map() }
      this.#groups.set(name, group)
    }
    this.#last = group
    return group
  }
}
