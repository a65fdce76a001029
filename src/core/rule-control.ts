/** What operators may see and do with rules while they run; the admin socket and other admin surfaces stand on it. */
import type { Signal } from './signal.ts'

/** How a set came to be there. */
export type RuleOrigin = 'start' | 'file' | 'signal' | 'admin' | 'rollback' | 'guard'

export interface RuleSetView {
  /** Equal for sets with the same text. */
  readonly hash: string
  readonly files: readonly string[]
  readonly rules: number
  /** When it last went live. */
  readonly sinceMs: number
  readonly origin: RuleOrigin
}

export interface RuleView {
  readonly name: string
  readonly on: string
  readonly file: string
  readonly line: number
  /** Since the process started, under this name. */
  readonly hits: number
  readonly drops: number
  readonly routes: number
  readonly errors: number
}

/** A set that did not go live, or did not stay. */
export interface RuleRefusal {
  readonly atMs: number
  readonly origin: RuleOrigin
  /** One line each, with file, line and column. */
  readonly problems: readonly string[]
}

export interface RulesView {
  /** Of the processor, as configured. */
  readonly id: string
  readonly signal: Signal
  readonly live: RuleSetView
  /** Sets that can be brought back, newest first, without the live one. */
  readonly kept: readonly RuleSetView[]
  /** The last one, until another set goes live. */
  readonly refusal: RuleRefusal | null
  /** A guard watches the live set and may still bring back the one before. */
  readonly guarded: boolean
  readonly rules: readonly RuleView[]
}

/** Why an item went where it went; a sample of traces is noted. */
export interface RuleDecision {
  readonly atMs: number
  readonly traceId: string
  readonly tenant: string
  readonly signal: Signal
  readonly rule: string
  /** In words: `dropped it`, `routed it to jaeger`. */
  readonly action: string
  /** Parts of the condition that held, with the values that they saw. */
  readonly because: readonly string[]
}

/** Offered by components that run rules. */
export interface RuleControl {
  readonly id: string
  view(): RulesView
  /** Reads the files again. Resolves to what is wrong with them; empty when they are live. */
  reload(origin: RuleOrigin): Promise<readonly string[]>
  /** Brings back a kept set, the newest if none is named. What stands in the way, or null. */
  rollback(hash?: string): string | null
  why(traceId: string): readonly RuleDecision[]
}

/** A component with rules has this property. */
export interface HasRuleControl {
  readonly ruleControl: RuleControl
}
