/** The life of one `adaptive_sampler`: what it has learned comes back at the start, time moves it, all is decided at the end. */
import type { Batch } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { HasSamplerControl, SamplerControl } from '../../core/sampler-control.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { build, steadyTime, type Works } from './build.ts'
import type { AdaptiveSamplerConfig } from './config.ts'
import { type ControlParts, controlOf } from './control.ts'
import { Keeper } from './keeper.ts'
import {
  BYTES_HELD,
  CEILING_TICKS,
  KEPT_RATIO,
  OVERSIZE,
  SamplerMeter,
  SCORE_THRESHOLD,
  SPANS_HELD,
  TRACES_HELD,
  WARMING_UP,
} from './metrics.ts'
import { publishModels } from './model-metrics.ts'
import { rehearse } from './rehearsal.ts'
import { TurnLimit } from './turn-limit.ts'
import { Undecided } from './undecided.ts'

/** Traces that are due are looked at so often. */
const SLICE_EVERY_MS = 25
/** Among the traces of a tick the budget is shared out. */
const TICK_MS = 1000
const NOT_READY_MS = 1000

export class AdaptiveSampler implements Component, Consumer, HasSamplerControl {
  readonly samplerControl: SamplerControl
  readonly #context: CreateContext<AdaptiveSamplerConfig>
  readonly #next: Consumer
  readonly #meter: SamplerMeter
  readonly #now: () => number
  readonly #keeper: Keeper | null
  readonly #undecided: Undecided | null
  readonly #turns: TurnLimit
  readonly #undo: (() => void)[] = []
  #removeHolder: () => void = () => {}
  #works: Works | null = null
  #slices: Timer | null = null
  #again: Timer | null = null
  #nextTick = 0
  #isEnding = false
  #isStopping = false

  constructor(context: CreateContext<AdaptiveSamplerConfig>, next: Consumer) {
    const { id, meter, config } = context
    this.#context = context
    this.#next = next
    this.#meter = new SamplerMeter(meter, id)
    this.#now = steadyTime(context)
    this.#turns = new TurnLimit(context.clock)
    this.#keeper =
      config.storage === undefined ? null : new Keeper(context, config.storage, this.#meter)
    this.#undecided =
      config.storage?.undecided === true ? new Undecided(context, config.storage) : null
    this.samplerControl = controlOf(id, () => this.#controlParts())
  }

  async start(host: Host): Promise<void> {
    const { clock, ledger, log } = this.#context
    const works = await build(this.#context, this.#next, this.#meter, this.#now, (tenant, id) =>
      this.#undecided?.decided(tenant, id),
    )
    await rehearse(this.#context, works.lineup.arms[0].model)
    const taken = await this.#keeper?.read(works)
    if (taken !== undefined) log.info('sampler_state_read', { blocks: taken.join(', ') || 'none' })
    const back = await this.#undecided?.start(works)
    if (back !== undefined) log.info('sampler_journal_read', { spans: back })
    this.#keeper?.start(works, host)
    this.#works = works
    works.tuner?.start()
    this.#removeHolder = ledger.addHolder(each => {
      works.assembly.visit(each)
      works.outlet.visit(each)
    })
    this.#observe(works)
    this.#nextTick = clock.monotonic() + TICK_MS
    // Two slices in one turn would be one long one.
    this.#slices = clock.every(SLICE_EVERY_MS, () => {
      if (this.#again === null) this.#step()
    })
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    if (batch.signal !== 'traces') {
      return refused(batch.items, 'unimplemented', `${batch.signal} cannot be sampled here`)
    }
    return this.#turns.run(() => this.#take(batch))
  }

  #take(batch: Batch): Outcome | Promise<Outcome> {
    if (this.#works === null || this.#isStopping) return busy(NOT_READY_MS, 'unavailable')
    return this.#undecided === null
      ? this.#works.intake.take(batch)
      : this.#journaled(batch, this.#works, this.#undecided)
  }

  /** Answered once the journal has it. */
  #journaled(batch: Batch, { intake }: Works, undecided: Undecided): Outcome | Promise<Outcome> {
    if (undecided.isFull) return busy(this.#context.memory.retryAfterMs())
    const copy = batch.share()
    const outcome = intake.take(batch)
    if (outcome.kind === 'accepted') return undecided.append(copy).then(() => ACCEPTED)
    copy.release()
    return outcome
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    // They came while this one was in charge; a successor is not asked.
    await this.#turns.idle()
    this.#isStopping = true
    this.#slices?.cancel()
    this.#again?.cancel()
    const works = this.#works
    if (works === null) return
    await works.tuner?.stop()
    const isSaved = this.#undecided !== null && !this.#undecided.isSucceeded
    if (isSaved) await this.#applyRest(works, deadline)
    else await this.#decideAll(works, deadline)
    await works.outlet.drain(deadline)
    await this.#keeper?.stop()
    await this.#undecided?.stop(works.assembly.traces.count === 0)
    this.#letGo(works, isSaved)
    for (const undo of this.#undo.splice(0)) undo()
    works.assembly.close()
    // A batch that the next stage has not answered for yet stays on the book.
    if (works.outlet.items === 0) this.#removeHolder()
    this.#works = null
  }

  #step(): void {
    const works = this.#works
    if (works === null || this.#isStopping) return
    const { clock } = this.#context
    const { sampler, outlet, assembly } = works
    this.#again = null
    const nowMs = clock.monotonic()
    const isDue =
      (nowMs >= this.#nextTick || sampler.isTickFull) && !sampler.isApplying && !outlet.isFull
    if (isDue) {
      this.#nextTick = nowMs + TICK_MS
      sampler.decide()
      assembly.tidy(nowMs)
      this.#undecided?.tick(this.#oldestMs(assembly))
      works.tuner?.guard(works.guardrails.read(works.lineup.arms[0], sampler.lastTickMs))
    }
    // What was chosen is carried out in turns of their own.
    if (isDue || sampler.slice()) this.#again = clock.after(0, () => this.#step())
    this.#undecided?.note()
  }

  /** Of a tick that was decided; all else waits in the journal for the next start. */
  async #applyRest({ sampler, outlet }: Works, deadline: AbortSignal): Promise<void> {
    while (sampler.isApplying && !deadline.aborted) {
      sampler.slice()
      await this.#pause(outlet.isFull)
    }
  }

  #oldestMs(assembly: Assembly): number {
    const handle = assembly.oldest()
    return handle < 0 ? this.#context.clock.monotonic() : assembly.traces.firstArrivalMs(handle)
  }

  /** Whatever is missing of the traces that are held. */
  async #decideAll({ sampler, assembly, outlet }: Works, deadline: AbortSignal): Promise<void> {
    sampler.expireAll()
    while (assembly.traces.count > 0 && !deadline.aborted) {
      const isMore = sampler.slice() && !sampler.isTickFull
      if (!isMore && !sampler.isApplying) sampler.decide()
      await this.#pause(outlet.isFull)
    }
  }

  #pause(isLong: boolean): Promise<void> {
    const { clock } = this.#context
    return new Promise(resolve => {
      if (isLong) clock.after(SLICE_EVERY_MS, resolve)
      else setImmediate(resolve)
    })
  }

  /** The deadline is over, or the journal has it. */
  #letGo({ assembly }: Works, isSaved: boolean): void {
    const { id, ledger } = this.#context
    const reason = isSaved ? 'saved' : 'shutdown'
    const drop = { stage: id, reason, intentional: isSaved }
    for (let handle = assembly.oldest(); handle >= 0; handle = assembly.oldest()) {
      const tenant = assembly.tenantName(assembly.traces.tenant(handle))
      ledger.dropped(tenant, 'traces', assembly.forget(handle), drop)
    }
  }

  #observe({ assembly, lineup }: Works): void {
    const { id, meter } = this.#context
    const labels = { processor: id }
    const [{ decider }] = lineup.arms
    const overArms = (of: 'ceilingTicks' | 'oversize') => (): number =>
      lineup.arms.reduce((sum, arm) => sum + arm.decider.status()[of], 0)
    this.#undo.push(
      meter.observe(TRACES_HELD, labels, () => assembly.traces.count),
      meter.observe(SPANS_HELD, labels, () => assembly.spansHeld),
      meter.observe(BYTES_HELD, labels, () => assembly.bytesHeld),
      meter.observe(SCORE_THRESHOLD, labels, () => finite(decider.status().scoreThreshold)),
      meter.observe(KEPT_RATIO, labels, () => decider.status().ratio),
      meter.observe(WARMING_UP, labels, () => (decider.status().cold ? 1 : 0)),
      meter.observe(CEILING_TICKS, labels, overArms('ceilingTicks')),
      meter.observe(OVERSIZE, labels, overArms('oversize')),
      ...publishModels(meter, id, this.samplerControl),
    )
  }

  #controlParts(): ControlParts | null {
    if (this.#works === null) return null
    const { id, config } = this.#context
    const savedAtMs = (): number => this.#keeper?.savedAtMs ?? 0
    return { ...this.#works, id, ratio: config.budget.ratio, meter: this.#meter, savedAtMs }
  }
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}
