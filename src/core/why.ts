/** Everything that the running parts know about where a tenant's items went: what `millrace why` makes sentences of. */
import type { ComponentStatus } from './component.ts'
import type { LetterView, QueuedRequest, QueueView } from './queue-control.ts'
import type { RuleDecision } from './rule-control.ts'
import type { SamplerDecision, SamplerView } from './sampler-control.ts'
import type { TenantView, UsageMinute, UsageReport, UsageTurnedAway } from './tenant-control.ts'

export interface WhyFacts {
  readonly tenant: string
  /** 32 hexadecimal digits; empty when the question is not about one trace. */
  readonly traceId: string
  readonly nowMs: number
  /** Of this tenant alone. */
  readonly usage: UsageReport
  /** Requests of senders that did not show who they are; some of them may be of this tenant. */
  readonly unknownSenders: readonly UsageTurnedAway[]
  /** The latest minutes of the time asked for. */
  readonly minutes: readonly UsageMinute[]
  /** Tenants have limits here: an extension keeps them. */
  readonly limitsKept: boolean
  /** What the gate knows of it; null where no limits are kept or it never was seen. */
  readonly limits: TenantView | null
  /** Its queues with something in them, or with a fault. */
  readonly queues: readonly QueueView[]
  /** Its letters, oldest first: of the time asked for, and with something of the trace. */
  readonly letters: readonly LetterView[]
  /** More letters than are told. */
  readonly moreLetters: boolean
  readonly samplers: readonly SamplerView[]
  /** Components that are not well. */
  readonly faults: readonly ComponentStatus[]
  /** The next three are about the trace; empty without one. */
  readonly rules: readonly (RuleDecision & { readonly id: string })[]
  readonly sampling: readonly (SamplerDecision & { readonly id: string })[]
  readonly requests: readonly QueuedRequest[]
}
