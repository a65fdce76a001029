/**
 * Made-up traces go through a sampler of their own before the first real ones come: code that runs for the first time is slower
 * by a factor of ten, and a first tick at full load would hold the event loop for longer than any later one. Once for a
 * process; nothing that outlives it sees any of it, neither state nor metrics, books, ids or random numbers.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../core/batch.ts'
import type { Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Ledger } from '../../core/ledger.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import type { Meter } from '../../core/meter.ts'
import { ACCEPTED } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import { OPEN_TENANCY } from '../../core/tenancy.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import { HeuristicModel } from '../../sampler/models/hand-made.ts'
import { isOnline, type Model } from '../../sampler/models/model.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import { build, type Works } from './build.ts'
import type { AdaptiveSamplerConfig } from './config.ts'
import { madeUpTraces } from './made-up-traces.ts'
import { SamplerMeter } from './metrics.ts'

/** It ends after so many rounds, or once it took so long. */
const ROUNDS = 8
const MOST_MS = 120
/** Traces of a round: few enough that a round of cold code is a short turn. */
const TRACES = 32
/** Made-up time between two rounds: after a minute of it scores count, which at first they do not. */
const ROUND_MS = 10_000

const MEMORY: MemoryBudget = {
  ...{ limitBytes: Number.MAX_SAFE_INTEGER, availableBytes: Number.MAX_SAFE_INTEGER },
  ...{ reservedBytes: 0, isOverSoftLimit: () => false, tryReserve: () => true, free() {} },
  ...{ retryAfterMs: () => 0, limitTo: () => () => {} },
}

const LEDGER: Ledger = {
  ...{ accepted() {}, unaccepted() {}, copied() {}, sent() {}, dropped() {}, kept() {} },
  addHolder: () => () => {},
}

const METER: Meter = {
  ...{ counter: () => ({ value: 0 }), gauge: () => ({ value: 0 }) },
  ...{ observe: () => () => {}, histogram: () => ({ observe() {} }) },
}

const NOWHERE: Consumer = {
  consume(batch) {
    batch.release()
    return ACCEPTED
  },
}

/** Small tables; nothing that others see or that a folder is needed for. */
const SMALL = {
  ...{ learning: undefined, storage: undefined, challengers: [] },
  ...{ decision_cache: { kept: 1024, dropped: 1024 }, decisions: { size: 1024 } },
}

let isRehearsed = false

/** Takes some tens of milliseconds, in short turns. Says how many rounds there were: 0 after the first time. */
export async function rehearse(
  context: CreateContext<AdaptiveSamplerConfig>,
  model: Model,
): Promise<number> {
  if (isRehearsed) return 0
  isRehearsed = true
  const { clock } = context
  const end = clock.monotonic() + MOST_MS
  let nowMs = 0
  const works = await stage(context, model, () => nowMs)
  let round = 0
  for (; round < ROUNDS && clock.monotonic() < end; round++) {
    nowMs += ROUND_MS
    await play(works, round)
  }
  works.assembly.close()
  return round
}

/** Models that learn as they go are left out: they would learn from it. */
function stage(
  context: CreateContext<AdaptiveSamplerConfig>,
  model: Model,
  now: () => number,
): Promise<Works> {
  const { id, clock, signals } = context
  const config = { ...context.config, ...SMALL }
  const services = { log: SILENT_LOGGER, ledger: LEDGER, memory: MEMORY, meter: METER }
  const own = { id, clock, signals, config, ...services, tenancy: OPEN_TENANCY }
  const arm = isOnline(model) ? new HeuristicModel(VECTOR_NAMES) : model
  const models = { arms: [arm], shadows: [], network: undefined }
  const meter = new SamplerMeter(METER, id)
  return build(own, NOWHERE, meter, now, () => {}, models)
}

async function play({ intake, sampler }: Works, round: number): Promise<void> {
  const payload = new Payload(madeUpTraces(round * TRACES, TRACES))
  const index = indexRequest('traces', payload.bytes)
  if (isWireFault(index)) throw new Error('made-up traces are no request')
  const part = { payload, index, selection: null, edits: null, items: index.items }
  intake.take(new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part]))
  sampler.expireAll()
  await nextTurn()
  while (sampler.slice()) await nextTurn()
  sampler.decide()
  while (sampler.isApplying) {
    await nextTurn()
    sampler.slice()
  }
}
