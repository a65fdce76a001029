/** The models at work: each arm has a model, a decider with a budget of its own, and the rows of the tick. */
import type { Clock } from '../../core/clock.ts'
import type { Decider } from '../../sampler/decide/decider.ts'
import { REASON_ANOMALY } from '../../sampler/decide/options.ts'
import { Arms } from '../../sampler/models/arms.ts'
import { Shadow, Split } from '../../sampler/models/compare.ts'
import type { Model, OnlineModel } from '../../sampler/models/model.ts'
import { isOnline } from '../../sampler/models/model.ts'
import { Observer } from '../../sampler/observe/observer.ts'
import { SpanFields } from './span-fields.ts'
import { TickRows } from './tick-rows.ts'
import type { TraceReader } from './trace-reader.ts'

const WIDTH = Observer.VECTOR
/** All collectors must choose alike. */
const SALT = 0x61726d73

export class Arm {
  readonly model: Model
  readonly decider: Decider
  readonly rows = new TickRows(WIDTH)
  /** What kept spans say of it. */
  readonly fields: SpanFields
  #scored = 0
  #version: string

  constructor(model: Model, decider: Decider) {
    this.model = model
    this.#version = model.version
    this.decider = decider
    this.fields = new SpanFields(model.name)
  }

  /** Rows that have come since the last time. */
  scoreNew(): void {
    const { rows, model } = this
    const count = rows.count - this.#scored
    if (count === 0) return
    const from = this.#scored
    const vectors = rows.vectors.subarray(from * WIDTH, rows.count * WIDTH)
    model.score(vectors, count, rows.score.subarray(from, rows.count))
    this.#scored = rows.count
  }

  /** Only now, as traces may have grown since they were looked at. */
  decide(reader: TraceReader, nowMs: number): void {
    const { rows, decider } = this
    for (let row = 0; row < rows.count; row++) reader.addTo(decider, rows, row)
    decider.decide(nowMs)
  }

  /** Scores of other weights are on another scale. */
  noticeSwap(): void {
    if (this.model.version === this.#version) return
    this.#version = this.model.version
    this.decider.forgetScores()
  }

  clear(): void {
    this.rows.clear()
    this.decider.clear()
    this.#scored = 0
  }
}

export interface LineupOptions {
  readonly clock: Clock
  /** The first is in charge; several share the traces evenly. */
  readonly arms: readonly Arm[]
  /** Models that only score. */
  readonly shadows: readonly Model[]
}

export class Lineup {
  readonly arms: readonly Arm[]
  readonly shadow: Shadow | null
  readonly split: Split | null
  /** Rows of an arm were decided. */
  onJudged: (arm: Arm) => void = () => {}
  readonly #shares: Arms
  readonly #online: readonly OnlineModel[]

  constructor({ arms, shadows, clock }: LineupOptions) {
    const models = arms.map(({ model }) => model)
    this.arms = arms
    this.split = arms.length > 1 ? new Split(models) : null
    this.shadow =
      shadows.length > 0 ? new Shadow([models[0], ...shadows], {}, () => clock.monotonic()) : null
    this.#online = [...models, ...shadows].filter(isOnline)
    this.#shares = new Arms(
      models.map(({ name }) => ({ name, share: 1 })),
      SALT,
    )
  }

  /** Words of the id's first eight bytes. */
  armOf(high: number, low: number): Arm {
    return this.arms.length === 1 ? this.arms[0] : this.arms[this.#shares.armOf(high, low)]
  }

  get models(): readonly Model[] {
    return this.arms.map(({ model }) => model)
  }

  /** The rows of an arm are carried out: the comparisons hear of them, and models that learn as they go do. */
  judged(number: number): void {
    const arm = this.arms[number]
    const { rows, decider } = arm
    this.onJudged(arm)
    const { vectors, count, facts, score } = rows
    this.shadow?.judge(vectors, WIDTH, count, facts, number === 0 ? score : null)
    for (const model of this.#online) model.learn(vectors, count)
    if (this.split === null) return
    for (let row = 0; row < count; row++) {
      const isFlagged = decider.reason[row] === REASON_ANOMALY
      this.split.record(number, facts[row], decider.keep[row] === 1, isFlagged)
    }
  }
}
