/** A loaded set of rules: what the decision engine, explanations and status pages work on. Immutable. */
import type { Signal } from '../../core/signal.ts'
import type { CompiledCondition, CompiledStatement } from '../compile.ts'
import type { ContextSpec } from '../context.ts'
import type { FunctionSpec } from '../function.ts'
import type { ErrorMode } from '../sequence.ts'
import { RULE_CONTEXTS, type RuleContext } from './schema.ts'
import type { TenantTest } from './tenants.ts'

/** What expressions of rule files are made of. */
export interface RuleLanguage {
  context(name: RuleContext): ContextSpec
  readonly functions: readonly FunctionSpec[]
}

export interface Rule {
  readonly name: string
  readonly on: RuleContext
  readonly errorMode: ErrorMode
  /** Null: every tenant. */
  readonly tenants: TenantTest | null
  /** Null: every item. */
  readonly when: CompiledCondition | null
  readonly action: Action
  /** Goes on after routing. */
  readonly continues: boolean
  readonly file: string
  /** 1-based line of the name. */
  readonly line: number
}

export interface Action {
  readonly drop: boolean
  readonly edits: readonly CompiledStatement[]
  readonly route: Route | null
  readonly mirror: Mirror | null
  readonly importance: number | null
}

export type Route =
  | { readonly kind: 'list'; readonly to: readonly string[] }
  | { readonly kind: 'split'; readonly shares: readonly Share[]; readonly by: SplitKey }

export type SplitKey = 'trace_id' | 'resource'

export interface Share {
  readonly to: string
  /** Upper border of its part of [0, 1); the last one is 1. */
  readonly below: number
}

export interface Mirror {
  readonly to: string
  /** Of the traces, in (0, 1]. */
  readonly share: number
}

export class RuleSet {
  readonly rules: readonly Rule[]
  /** Files as they were named. */
  readonly files: readonly string[]
  /** Of the files' text: equal for equal sets. */
  readonly hash: string

  constructor(rules: readonly Rule[], files: readonly string[], hash: string) {
    this.rules = rules
    this.files = files
    this.hash = hash
  }

  /** The rules of one of the files by themselves: what the cases beside it are about. */
  ofFile(file: string): RuleSet {
    return new RuleSet(
      this.rules.filter(rule => rule.file === file),
      [file],
      this.hash,
    )
  }

  /** Rules that look at items of a signal, in order. */
  forSignal(signal: Signal): readonly Rule[] {
    return this.rules.filter(rule => RULE_CONTEXTS[rule.on] === signal)
  }
}

/** Every destination that a rule may send to. */
export function destinationsOf({ route, mirror }: Action): readonly string[] {
  const routed =
    route === null ? [] : route.kind === 'list' ? route.to : route.shares.map(share => share.to)
  return mirror === null ? routed : [...routed, mirror.to]
}
