/** Seeded configurations and traces for `tail_sampling`: every type of policy, alone and in each other, over spans of all sorts. */

export type Random = () => number

/** mulberry32: from 0 to below 1. */
export function randomOf(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const KEYS = ['k', 'n', 'flag', 'http.route', 'missing']
const TEXTS = ['', 'a', 'value', 'value2', '/health', 'GET /cart/17', 'ä']
const INTS = [-5, 0, 1, 50, 99, 100, 101, 2 ** 40]
const STATES = [
  '',
  'k=a',
  'k=value,vendor=1',
  'k=a,k=b',
  'bad',
  'vendor=2, k=value2',
  'ot=th:8;rv:ffaaaaaaaaaaaa',
]
const PATTERNS = ['^value', 'v.*2$', 'health', '^$', '[0-9]+', 'a|b']
const CONDITIONS = [
  'attributes["k"] == "value"',
  'attributes["n"] > 50',
  'span.kind == SPAN_KIND_SERVER and span.status.code != STATUS_CODE_OK',
  'resource.attributes["k"] == "a"',
  'IsMatch(name, "^op-[12]$")',
  'Int(attributes["k"]) > 10',
  'Substring(span.attributes["k"], 3, 2) == "ue"',
  'IsRootSpan()',
]
const EVENT_CONDITIONS = [
  'name == "exception"',
  'spanevent.attributes["n"] == 50',
  'Substring(attributes["k"], 0, 1) == "v"',
]
const START_MS = 1_700_000_000_000

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]
}

function some<T>(random: Random, list: readonly T[], most: number): T[] {
  return Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(random, list))
}

/** OTLP/JSON requests with spans of `traces` traces, mixed. */
export function requestsOf(random: Random, traces: number, requests: number): object[] {
  const ids = Array.from({ length: traces }, () => hex(random, 32))
  const sizes = ids.map(() => 1 + Math.floor(random() * random() * 12))
  const all = ids.flatMap((traceId, i) =>
    Array.from({ length: sizes[i] }, (_, n) => spanOf(random, traceId, n)),
  )
  shuffle(random, all)
  const share = Math.ceil(all.length / requests)
  return Array.from({ length: requests }, (_, i) =>
    requestOf(random, all.slice(i * share, (i + 1) * share)),
  ).filter(request => request !== null)
}

function requestOf(random: Random, spans: object[]): object | null {
  if (spans.length === 0) return null
  const cut = Math.floor(random() * spans.length)
  const groups = [spans.slice(0, cut), spans.slice(cut)].filter(group => group.length > 0)
  return {
    resourceSpans: groups.map(group => {
      const middle = Math.floor(random() * group.length)
      const scopes = [group.slice(0, middle), group.slice(middle)].filter(each => each.length > 0)
      return {
        resource: { attributes: attributesOf(random, 2) },
        scopeSpans: scopes.map((each, i) => ({ scope: { name: `scope-${i}` }, spans: each })),
      }
    }),
  }
}

function spanOf(random: Random, traceId: string, number: number): object {
  const start = START_MS + Math.floor(random() * 400)
  const took = Math.floor(random() * random() * 900)
  return {
    traceId,
    spanId: hex(random, 16),
    parentSpanId: number === 0 ? '' : hex(random, 16),
    name: `op-${Math.floor(random() * 4)}`,
    kind: Math.floor(random() * 6),
    traceState: random() < 0.3 ? pick(random, STATES) : '',
    flags: Math.floor(random() * 4),
    startTimeUnixNano: `${start}${nanos(random)}`,
    endTimeUnixNano: `${start + took + 1}${nanos(random)}`,
    attributes: attributesOf(random, 3),
    events: some(random, ['exception', 'retry'], random() < 0.3 ? 2 : 0).map(name => ({
      name,
      attributes: attributesOf(random, 2),
    })),
    status: random() < 0.4 ? { code: Math.floor(random() * 3) } : {},
  }
}

function nanos(random: Random): string {
  return random() < 0.5 ? '000000' : String(Math.floor(random() * 1e6)).padStart(6, '0')
}

function attributesOf(random: Random, most: number): object[] {
  return [...new Set(some(random, KEYS, most))].map(key => ({ key, value: anyValue(random) }))
}

function anyValue(random: Random): object {
  const kind = random()
  if (kind < 0.45) return { stringValue: pick(random, TEXTS) }
  if (kind < 0.7) return { intValue: String(pick(random, INTS)) }
  if (kind < 0.85) return { boolValue: random() < 0.5 }
  if (kind < 0.95) return { doubleValue: random() * 200 }
  return { arrayValue: { values: [{ stringValue: 'value' }] } }
}

function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
}

function shuffle(random: Random, list: unknown[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[list[i], list[j]] = [list[j], list[i]]
  }
}

type Section = Record<string, unknown>

const LEAVES: readonly ((random: Random) => Section)[] = [
  () => ({ type: 'always_sample' }),
  random => {
    const threshold = Math.floor(random() * 900)
    const upper = random() < 0.5 ? 0 : threshold + Math.floor(random() * 300)
    return { type: 'latency', latency: { threshold_ms: threshold, upper_threshold_ms: upper } }
  },
  random => ({
    type: 'numeric_attribute',
    numeric_attribute: {
      key: pick(random, KEYS),
      min_value: pick(random, [0, -10, 1, 50]),
      max_value: pick(random, [49, 100, 2 ** 41]),
      invert_match: random() < 0.3,
    },
  }),
  random => ({
    type: 'probabilistic',
    probabilistic: {
      sampling_percentage: pick(random, [0, 0.5, 10, 33.3, 50, 99, 100, 150]),
      hash_salt: pick(random, ['', 'salt', 'another']),
    },
  }),
  random => ({
    type: 'status_code',
    status_code: { status_codes: pick(random, [['ERROR'], ['OK', 'ERROR'], ['UNSET'], ['OK']]) },
  }),
  random => ({
    type: 'string_attribute',
    string_attribute: {
      key: pick(random, KEYS),
      values: some(random, TEXTS, 3),
      invert_match: random() < 0.3,
    },
  }),
  random => ({
    type: 'string_attribute',
    string_attribute: {
      key: pick(random, KEYS),
      values: some(random, PATTERNS, 2),
      enabled_regex_matching: true,
      cache_max_size: pick(random, [0, 1, 100]),
      invert_match: random() < 0.3,
    },
  }),
  random => ({
    type: 'span_count',
    span_count: {
      min_spans: Math.floor(random() * 5),
      max_spans: random() < 0.5 ? 0 : Math.floor(random() * 9),
    },
  }),
  random => ({ type: 'trace_state', trace_state: { key: 'k', values: some(random, TEXTS, 3) } }),
  random => ({
    type: 'boolean_attribute',
    boolean_attribute: {
      key: pick(random, KEYS),
      value: random() < 0.5,
      invert_match: random() < 0.3,
    },
  }),
  random => {
    const span = some(random, CONDITIONS, 2)
    const spanevent = some(random, EVENT_CONDITIONS, span.length === 0 ? 1 : 2)
    if (span.length + spanevent.length === 0) span.push(CONDITIONS[0])
    const mode = pick(random, ['ignore', 'silent', 'propagate', undefined])
    const error_mode = mode === undefined ? {} : { error_mode: mode }
    return { type: 'ottl_condition', ottl_condition: { span, spanevent, ...error_mode } }
  },
  () => ({ type: 'trace_flags' }),
  // Limits that are never reached: the reference decides in no order, so what is let through would be by chance.
  () => ({ type: 'rate_limiting', rate_limiting: { spans_per_second: 1e7 } }),
  () => ({ type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 1e9 } }),
  () => ({ type: 'rate_limiting', rate_limiting: { spans_per_second: 0 } }),
]

let names = 0

function named(section: Section): Section {
  return { name: `p${++names}`, ...section }
}

function leaf(random: Random): Section {
  return named(pick(random, LEAVES)(random))
}

function not(random: Random): Section {
  return named({ type: 'not', not: { not_sub_policy: leaf(random) } })
}

function members(random: Random): Section[] {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    random() < 0.2 ? not(random) : leaf(random),
  )
}

function and(random: Random): Section {
  return named({ type: 'and', and: { and_sub_policy: members(random) } })
}

function composite(random: Random): Section {
  const policies = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    random() < 0.3 ? and(random) : leaf(random),
  )
  const allocated = policies.filter(() => random() < 0.9)
  return named({
    type: 'composite',
    composite: {
      max_total_spans_per_second: 1_000_000,
      policy_order: policies.map(({ name }) => name),
      composite_sub_policy: policies,
      rate_allocation: allocated.map(({ name }) => ({
        policy: name,
        percent: pick(random, [0, 10, 50]),
      })),
    },
  })
}

/** One policy of each type alone, by number. */
export function singlePolicies(random: Random): Section[] {
  return [
    ...LEAVES.map(make => named(make(random))),
    and(random),
    not(random),
    named({ type: 'drop', drop: { drop_sub_policy: members(random) } }),
    composite(random),
  ]
}

export function policiesOf(random: Random): Section[] {
  const makes = [leaf, leaf, leaf, and, not, composite]
  const policies = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
    pick(random, makes)(random),
  )
  if (random() < 0.3) {
    policies.push(named({ type: 'drop', drop: { drop_sub_policy: members(random) } }))
  }
  return policies
}
