/** Makes policies out of their configuration, and finds what is wrong with it. */
import type { ConfigProblem } from '../../../core/factory.ts'
import { type ConfigPath, GroupCompiler } from '../../../rules/apply/groups.ts'
import { compileRegex } from '../../../rules/regex.ts'
import { Conditions } from '../conditions.ts'
import { DROPPED, type Policy, SAMPLED } from '../decision.ts'
import type {
  AndMemberConfig,
  CompositeConfig,
  CompositeMemberConfig,
  LeafConfig,
  PolicyConfig,
} from '../policy-config.ts'
import { AllOf, Composite, Not, type RatedPolicy } from './combined.ts'
import {
  AlwaysSample,
  BitPolicy,
  ErrorPolicy,
  LatencyPolicy,
  OttlPolicy,
  SpanCountPolicy,
} from './leaves.ts'
import { BytesLimitingPolicy, PerSecondPolicy, RateLimitingPolicy, TokenBucket } from './limits.ts'
import { ProbabilisticPolicy } from './probabilistic.ts'

const STATUS_CODES: Readonly<Record<string, number>> = { UNSET: 0, OK: 1, ERROR: 2 }
/** As many answers of patterns are remembered when the configuration does not say. */
const DEFAULT_CACHE = 128
/** Of key and value together, as the reference has it. */
const MAX_STATE_MEMBER = 256

/**
 * `v0.112` decides as collectors up to that version did: `invert_match` gives decisions with a rank of their own, a latency of
 * exactly the threshold counts, and rates are counted by whole seconds.
 */
export type Semantics = 'current' | 'v0.112'

export interface PolicyOptions {
  readonly semantics: Semantics
  /** Probabilistic policies go by what spans say of their randomness. */
  readonly readsState: boolean
  /** Policies are asked about pieces of traces. */
  readonly asksPieces: boolean
}

/** What can be said in any place where a policy may stand. */
type AnyPolicyConfig = PolicyConfig | AndMemberConfig | CompositeMemberConfig | LeafConfig

export interface NamedPolicy {
  readonly name: string
  readonly policy: Policy
  readonly isDrop: boolean
}

export class PolicyBuilder {
  readonly conditions = new Conditions()
  readonly problems: ConfigProblem[] = []
  /** Whether a policy asks how many bytes a trace has. */
  limitsBytes = false
  readonly #options: PolicyOptions
  readonly #compiler = new GroupCompiler({ signal: 'traces', contexts: ['span', 'spanevent'] })

  constructor(options: PolicyOptions) {
    this.#options = options
  }

  /** In the order in which they are asked: `drop` policies first. */
  buildAll(configs: readonly PolicyConfig[], path: ConfigPath): readonly NamedPolicy[] {
    const names = new Set<string>()
    const built = configs.map((config, i): NamedPolicy => {
      const { name } = config
      if (name === '') this.#wrong([...path, i, 'name'], 'is empty', 'a name')
      else if (names.has(name)) this.#wrong([...path, i, 'name'], `names ${name} again`)
      names.add(name)
      const policy = this.build(config, [...path, i])
      return { name, policy, isDrop: config.type === 'drop' }
    })
    this.problems.push(...this.#compiler.problems)
    return [...built.filter(each => each.isDrop), ...built.filter(each => !each.isDrop)]
  }

  build(config: AnyPolicyConfig, path: ConfigPath): Policy {
    const at = [...path, config.type]
    if (config.type === 'composite') {
      return this.#composite((config as PolicyConfig).composite ?? NO_COMPOSITE, at)
    }
    if (config.type === 'and') {
      return this.#allOf((config as PolicyConfig).and?.and_sub_policy, SAMPLED, [
        ...at,
        'and_sub_policy',
      ])
    }
    if (config.type === 'drop') {
      const members = (config as PolicyConfig).drop?.drop_sub_policy
      return this.#allOf(members, DROPPED, [...at, 'drop_sub_policy'])
    }
    if (config.type === 'not') return this.#not((config as PolicyConfig).not?.not_sub_policy, at)
    return this.#leaf(config as LeafConfig, at)
  }

  #allOf(
    members: readonly AndMemberConfig[] = [],
    yes: typeof SAMPLED | typeof DROPPED,
    path: ConfigPath,
  ): Policy {
    const policies = members.map((member, i) => this.build(member, [...path, i]))
    return new AllOf(policies, yes)
  }

  #not(member: LeafConfig | undefined, path: ConfigPath): Policy {
    const at = [...path, 'not_sub_policy']
    if (member !== undefined) return new Not(this.build(member, at))
    this.#wrong(at, 'is missing', 'a policy')
    return new AlwaysSample()
  }

  /** A rate that is not allocated is none at all, as in the reference. */
  #composite(config: CompositeConfig, path: ConfigPath): Policy {
    const { max_total_spans_per_second: max, rate_allocation, composite_sub_policy } = config
    const rates = new Map(
      rate_allocation.map(({ policy, percent }) => [
        policy,
        percent > 0 ? (percent / 100) * max : max / composite_sub_policy.length,
      ]),
    )
    const members = composite_sub_policy.map(
      (member, i): RatedPolicy => ({
        policy: this.build(member, [...path, 'composite_sub_policy', i]),
        spansPerSecond: Math.trunc(rates.get(member.name) ?? 0),
      }),
    )
    return new Composite(members, max)
  }

  #leaf(config: LeafConfig, path: ConfigPath): Policy {
    switch (config.type) {
      case 'always_sample':
        return new AlwaysSample()
      case 'latency':
        return this.#latency(config.latency)
      case 'numeric_attribute':
        return this.#numeric(config.numeric_attribute, path)
      case 'probabilistic': {
        const { hash_salt = '', sampling_percentage = 0 } = config.probabilistic ?? {}
        return new ProbabilisticPolicy(hash_salt, sampling_percentage, this.#options.readsState)
      }
      case 'status_code':
        return this.#status(config.status_code?.status_codes ?? [], path)
      case 'string_attribute':
        return this.#text(config.string_attribute, path)
      case 'rate_limiting':
        return this.#rate(config.rate_limiting)
      case 'bytes_limiting': {
        const { bytes_per_second: rate = 0, burst_capacity: burst = 0 } =
          config.bytes_limiting ?? {}
        this.limitsBytes = true
        return new BytesLimitingPolicy(new TokenBucket(rate, burst > 0 ? burst : rate * 2))
      }
      case 'span_count': {
        const { min_spans = 0, max_spans = 0 } = config.span_count ?? {}
        return new SpanCountPolicy(min_spans, max_spans)
      }
      case 'trace_state': {
        const { key = '', values = [] } = config.trace_state ?? {}
        const counted = values.filter(
          value => value !== '' && byteLength(key) + byteLength(value) < MAX_STATE_MEMBER,
        )
        return this.#bit({ kind: 'state', key, values: counted })
      }
      case 'boolean_attribute': {
        const { key = '', value = false, invert_match = false } = config.boolean_attribute ?? {}
        return this.#bit({ kind: 'boolean', key, value }, invert_match)
      }
      case 'ottl_condition':
        return this.#ottl(config.ottl_condition, path)
      case 'trace_flags':
        return this.#bit({ kind: 'sampled flag' })
    }
  }

  #latency({ threshold_ms: min = 0, upper_threshold_ms: max = 0 }: Latency = {}): Policy {
    if (max === 0) return new LatencyPolicy(min, this.#options.semantics === 'v0.112')
    return new BitPolicy(this.conditions.add({ kind: 'took', min, max }), 'no', max > 0)
  }

  #numeric(config: LeafConfig['numeric_attribute'], path: ConfigPath): Policy {
    const { key = '', min_value = 0, max_value = 0, invert_match = false } = config ?? {}
    if (this.#options.semantics === 'v0.112') {
      return this.#bit({ kind: 'number', key, min: min_value, max: max_value }, invert_match)
    }
    if (min_value === 0 && max_value === 0) {
      this.#wrong(path, 'has no bounds', 'min_value or max_value, other than 0')
    }
    const min = min_value === 0 ? Number.NEGATIVE_INFINITY : min_value
    const max = max_value === 0 ? Number.POSITIVE_INFINITY : max_value
    return this.#bit({ kind: 'number', key, min, max }, invert_match)
  }

  #status(names: readonly string[], path: ConfigPath): Policy {
    const at = [...path, 'status_codes']
    if (names.length === 0) this.#wrong(at, 'is empty', 'OK, ERROR or UNSET')
    let codes = 0
    for (const [i, name] of names.entries()) {
      const code = STATUS_CODES[name]
      if (code === undefined) {
        this.#wrong([...at, i], `${JSON.stringify(name)} is no status code`, 'OK, ERROR or UNSET')
      } else codes |= 1 << code
    }
    // Of a piece of a trace only its own bits are known.
    if (codes === 1 << STATUS_CODES.ERROR && !this.#options.asksPieces) return new ErrorPolicy()
    return this.#bit({ kind: 'status', codes })
  }

  #text(config: LeafConfig['string_attribute'], path: ConfigPath): Policy {
    const {
      key = '',
      values = [],
      enabled_regex_matching: hasPatterns = false,
      cache_max_size: size = 0,
      invert_match = false,
    } = config ?? {}
    if (!hasPatterns) {
      const counted = values.filter(value => value !== '')
      return this.#bit({ kind: 'text', key, values: counted }, invert_match)
    }
    for (const [i, pattern] of values.entries()) this.#checkPattern(pattern, [...path, 'values', i])
    const cacheSize = size > 0 ? size : DEFAULT_CACHE
    return this.#bit({ kind: 'pattern', key, patterns: values, cacheSize }, invert_match)
  }

  #checkPattern(pattern: string, path: ConfigPath): void {
    try {
      compileRegex(pattern)
    } catch (error) {
      this.#wrong(path, (error as Error).message, 'a regular expression of RE2')
    }
  }

  #rate({ spans_per_second: rate = 0, burst_capacity: burst = 0 }: Rate = {}): Policy {
    if (this.#options.semantics === 'v0.112') return new PerSecondPolicy(rate)
    return new RateLimitingPolicy(new TokenBucket(rate, burst > 0 ? burst : rate * 2))
  }

  #ottl(config: LeafConfig['ottl_condition'], path: ConfigPath): Policy {
    const { span = [], spanevent = [], error_mode } = config ?? {}
    if (span.length + spanevent.length === 0) {
      this.#wrong(path, 'has no condition', 'conditions under span or spanevent')
    }
    const onSpans = this.#compiler.conditions(span, 'span', [...path, 'span'])
    const pair = this.conditions.addOttl({
      // Without a mode the reference passes over errors and says nothing.
      errorMode: error_mode ?? 'silent',
      span: onSpans,
      predicates: onSpans.length === 0 ? null : this.#compiler.predicates(onSpans, 'span'),
      spanevent: this.#compiler.conditions(spanevent, 'spanevent', [...path, 'spanevent']),
    })
    return new OttlPolicy(this.conditions, pair)
  }

  #bit(condition: Parameters<Conditions['add']>[0], isInverted = false): Policy {
    const bit = this.conditions.add(condition)
    const ranked = this.#options.semantics === 'v0.112' ? 'ranked' : 'plain'
    return new BitPolicy(bit, isInverted ? ranked : 'no')
  }

  #wrong(path: ConfigPath, message: string, expected?: string): void {
    this.problems.push({ path, message, expected })
  }
}

type Latency = Partial<NonNullable<LeafConfig['latency']>>
type Rate = Partial<NonNullable<LeafConfig['rate_limiting']>>

const NO_COMPOSITE: CompositeConfig = {
  max_total_spans_per_second: 0,
  policy_order: [],
  composite_sub_policy: [],
  rate_allocation: [],
}

function byteLength(text: string): number {
  return Buffer.byteLength(text)
}
