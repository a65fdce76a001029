/** Puts the parts of one sampler together, from its configuration. */
import type { TenantId } from '../../core/batch.ts'
import type { Consumer, Services } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { Outlet } from '../../core/outlet.ts'
import { Assembly } from '../../sampler/assembly/assembly.ts'
import { Decider } from '../../sampler/decide/decider.ts'
import { DecisionCache } from '../../sampler/decide/decision-cache.ts'
import { type Budget, DEFAULT_OPTIONS, type DeciderOptions } from '../../sampler/decide/options.ts'
import type { Model } from '../../sampler/models/model.ts'
import { Tuner } from '../../sampler/models/tuner.ts'
import { Observer } from '../../sampler/observe/observer.ts'
import { Arm, Lineup } from './arms.ts'
import { compileConditions, SpanMarker } from './conditions.ts'
import type { AdaptiveSamplerConfig } from './config.ts'
import { DecisionBook } from './decision-book.ts'
import { Guardrails } from './guardrails.ts'
import { IdUniformity } from './id-uniformity.ts'
import { Intake } from './intake.ts'
import { LateSpans } from './late-spans.ts'
import type { SamplerMeter } from './metrics.ts'
import { type OpenedModels, openModels } from './models.ts'
import { Sampler } from './sampler.ts'
import { SelfSupervision } from './self-supervision.ts'
import { TenantBudgets } from './tenant-budgets.ts'
import { TraceReader } from './trace-reader.ts'

/** The line in front of the next stage is full with so many spans; nothing is decided until it has room. */
const MAX_WAITING_SPANS = 65_536

export interface Works {
  readonly assembly: Assembly
  readonly observer: Observer
  readonly lineup: Lineup
  readonly book: DecisionBook
  readonly intake: Intake
  readonly sampler: Sampler
  readonly outlet: Outlet
  readonly tuner: Tuner | null
  readonly guardrails: Guardrails
}

/** Wall time that never goes back, for what outlives the process; how long spans wait is measured on the clock itself. */
export function steadyTime({ clock }: Pick<Services, 'clock'>): () => number {
  const start = clock.now() - clock.monotonic()
  return () => start + clock.monotonic()
}

export async function build(
  context: CreateContext<AdaptiveSamplerConfig>,
  next: Consumer,
  meter: SamplerMeter,
  now: () => number,
  onDecided: (tenant: TenantId, id: Int32Array) => void,
  opened?: OpenedModels,
): Promise<Works> {
  const { id, config, clock, ledger, memory, log, tenancy } = context
  const conditions = compileConditions(config)
  const marker = new SpanMarker(conditions, log)
  const assembly = new Assembly({
    memory,
    maxBytes: config.memory_limit,
    maxWaitMs: config.max_wait,
    waitAfterRootMs: config.decision_wait,
    maxSpans: config.max_spans_per_trace,
    conditionWords: marker.isIdle ? 0 : 1,
  })
  const observer = new Observer()
  const tell = (event: string): void => {
    meter.modelEvents.value++
    log.info('sampler_model', { event })
  }
  const { arms, shadows, network } = opened ?? (await openModels(config, tell))
  const { learning } = config
  const tuner =
    learning === undefined || network === undefined
      ? null
      : new Tuner({ network, clock, intervalMs: learning.interval, tell })
  const lineup = new Lineup({ clock, arms: makeArms(arms, config), shadows })
  const cache = new DecisionCache(config.decision_cache)
  const book = new DecisionBook({
    assembly,
    cache,
    size: config.decisions.size,
    onDecided,
    arms: lineup.arms,
  })
  const ids = new IdUniformity()
  const budgets = new TenantBudgets({
    tenancy,
    deciders: lineup.arms.map(({ decider }) => decider),
    nameOf: tenant => assembly.tenantName(tenant),
    budgetOf: tenant => budgetOf(ownBudget(config, tenant) ?? config.budget),
  })
  const reader = new TraceReader(assembly, observer, ids, budgets, !marker.isIdle)
  const outlet = new Outlet({ id, next, clock, ledger, maxItems: MAX_WAITING_SPANS })
  const [{ decider }] = lineup.arms
  const shared = { id, now, ledger, assembly, reader, outlet, meter }
  const late = new LateSpans({
    ...shared,
    cache,
    decider,
    onDecided,
    fields: lineup.arms[0].fields,
  })
  const { attributes } = config
  const teacher = tuner === null ? null : new SelfSupervision(tuner, observer)
  const sampler = new Sampler({
    ...shared,
    clock,
    observer,
    lineup,
    late,
    book,
    attributes,
    teacher,
  })
  const guardrails = new Guardrails(config.budget.ratio, config.budget.burst_credit)
  lineup.onJudged = arm => guardrails.see(arm)
  const intake = new Intake({
    ...{ assembly, sampler, marker, late, ids, outlet, memory, clock },
    maxBytes: config.memory_limit,
    invalidIds: meter.invalidIds,
  })
  return { assembly, observer, lineup, book, intake, sampler, outlet, tuner, guardrails }
}

/** Budgets are shares, so each arm has the same; what is counted each second is divided. */
function makeArms(models: readonly Model[], config: AdaptiveSamplerConfig): readonly Arm[] {
  const { budget, lanes } = config
  const options: DeciderOptions = {
    ...DEFAULT_OPTIONS,
    budget: budgetOf(budget),
    ceiling: {
      spansPerSecond: budget.max_spans_per_second / models.length,
      bytesPerSecond: budget.max_bytes_per_second / models.length,
    },
    lanes,
    tenants: new Map(
      Object.entries(budget.tenants).map(([tenant, each]) => [tenant, budgetOf(each)]),
    ),
  }
  return models.map(model => new Arm(model, new Decider(options)))
}

function ownBudget(
  { budget: { tenants } }: AdaptiveSamplerConfig,
  tenant: TenantId,
): AdaptiveSamplerConfig['budget']['tenants'][string] | undefined {
  return Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined
}

function budgetOf({
  ratio,
  unit,
  period,
  burst_credit,
}: AdaptiveSamplerConfig['budget']['tenants'][string]): Budget {
  return { ratio, unit, periodMs: period, burstCredit: burst_credit }
}
