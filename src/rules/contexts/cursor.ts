/** Where a rule stands: one item (or group) with the messages around and inside it. One cursor serves a whole pass. */
import { NO_CONTEXT, type RequestContext } from '../../core/batch.ts'
import { ROW, TAG } from '../../otlp/request-index.ts'
import type { Signal } from '../../otlp/signal.ts'
import { readVarint32 } from '../../otlp/wire-reader.ts'
import type { ContextName } from '../context.ts'
import type { Value } from '../value.ts'
import type { Message } from './message.ts'
import { RootMessage } from './root-message.ts'
import { SubMessage } from './sub-message.ts'
import type { Workspace } from './workspace.ts'

/** Indexes of `Cursor.places`. The groups hold schema URLs; `PART` is the event, link or exemplar. */
export const RESOURCE_GROUP = 0
export const SCOPE_GROUP = 1
export const RESOURCE = 2
export const SCOPE = 3
export const METRIC = 4
export const DATA = 5
export const ITEM = 6
export const PART = 7
export const STATUS = 8
export const POSITIVE = 9
export const NEGATIVE = 10
export type Place = number

/** Levels of metrics in the index. */
export const METRIC_LEVEL = 2
export const DATA_ROW_LEVEL = 3

/** Children of groups by field number, as bits: they are rows of the index. */
const GROUP_CHILDREN = 1 << 2
const METRIC_CHILDREN = (1 << 5) | (1 << 7) | (1 << 9) | (1 << 10) | (1 << 11)
const DATA_CHILDREN = 1 << 1

const STATUS_NUMBER = 15
const POSITIVE_NUMBER = 8
const NEGATIVE_NUMBER = 9

export class Cursor {
  readonly places: readonly Message[]
  /** What the pass goes over. */
  context: ContextName = 'resource'
  /** Which event, link or exemplar of its item, counted as they were when the pass came to the item. */
  partIndex = 0
  /** The rules' own notes on what the cursor stands on. */
  cache: ReadonlyMap<string, Value> | null = null
  request: RequestContext = NO_CONTEXT
  /** Puts other points into the metric's data. */
  exchangePoints: (points: readonly Uint8Array[]) => void = () => {}
  readonly space: Workspace
  readonly part: SubMessage
  readonly #roots: readonly RootMessage[]
  readonly #subs: readonly SubMessage[]

  constructor(signal: Signal, space: Workspace) {
    this.space = space
    const last = signal === 'metrics' ? 4 : 2
    const resourceGroup = new RootMessage(space, 0, GROUP_CHILDREN)
    const scopeGroup = new RootMessage(space, 1, GROUP_CHILDREN)
    const metric = new RootMessage(space, METRIC_LEVEL, METRIC_CHILDREN)
    const data = new RootMessage(space, DATA_ROW_LEVEL, DATA_CHILDREN)
    const item = new RootMessage(space, last, 0)
    this.part = new SubMessage(item)
    this.#roots = [resourceGroup, scopeGroup, metric, data, item]
    this.#subs = [
      new SubMessage(resourceGroup, 1),
      new SubMessage(scopeGroup, 1),
      this.part,
      new SubMessage(item, STATUS_NUMBER),
      new SubMessage(item, POSITIVE_NUMBER),
      new SubMessage(item, NEGATIVE_NUMBER),
    ]
    const [resource, scope, part, status, positive, negative] = this.#subs
    this.places = [
      resourceGroup,
      scopeGroup,
      resource,
      scope,
      metric,
      data,
      item,
      part,
      status,
      positive,
      negative,
    ]
  }

  reset(): void {
    for (const root of this.#roots) root.reset()
    for (const sub of this.#subs) sub.reset()
    this.cache = null
    this.request = NO_CONTEXT
  }

  /** Field number in Metric of the data that the cursor stands in or on: 5 gauge, 7 sum, 9 histogram, 10 exponential, 11 summary; 0 = none. */
  get dataKind(): number {
    const { space } = this
    const row = space.rows[DATA_ROW_LEVEL]
    if (row < 0) return 0
    return readVarint32(space.bytes, space.levels[DATA_ROW_LEVEL][row * ROW + TAG]) >>> 3
  }
}
