/** `probabilistic_sampler` against the Go collector's: the same spans and records stay, with the same marks. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { askGo, askOurs, type ComponentCase } from './component-kit.ts'

/** At 0 % the reference takes what it could not read out of a state that stays by its priority; ours leaves it. */
const BAD_STATES: ReadonlySet<string> = new Set(['ot=th:zz', 'ot=rv:12', 'not a state'])
const STATES = [
  '',
  'vendor=1',
  'ot=th:8',
  'ot=th:fd70a4;rv:ffaaaaaaaaaaaa;x:y',
  'a=b, ot=rv:12345678901234 ,c=d',
  'ot=th:c;rv:00000000000001',
  'ot=th:zz',
  'ot=rv:12',
  'not a state',
  'ot=th:0',
  ',,a=1,',
  'ot=x:1,tenant@sys=v',
]
const PRIORITIES = [
  undefined,
  { intValue: '0' },
  { intValue: '2' },
  { doubleValue: 0.5 },
  { stringValue: '0' },
  { stringValue: '1e-3' },
  { stringValue: 'no' },
  { boolValue: true },
  { intValue: '-1' },
]

const SECTIONS: readonly object[] = [
  { sampling_percentage: 50 },
  { sampling_percentage: 15.3, hash_seed: 22 },
  { sampling_percentage: 100, fail_closed: false },
  { sampling_percentage: 33.3, mode: 'proportional' },
  { sampling_percentage: 33.3, mode: 'proportional', sampling_precision: 2, fail_closed: false },
  { sampling_percentage: 25, mode: 'equalizing' },
  { sampling_percentage: 99.99, mode: 'equalizing', fail_closed: false, sampling_precision: 14 },
  { sampling_percentage: 0.05, mode: 'proportional', fail_closed: false },
]

const NEVER: readonly object[] = [
  { sampling_percentage: 0 },
  { sampling_percentage: 0.001, fail_closed: false },
  { sampling_percentage: 0, fail_closed: false },
]

const LOG_SECTIONS: readonly object[] = [
  ...SECTIONS,
  { sampling_percentage: 0 },
  { sampling_percentage: 40, attribute_source: 'record', from_attribute: 'id' },
  { sampling_percentage: 40, from_attribute: 'id', sampling_priority: 'priority' },
  {
    ...{ sampling_percentage: 40, mode: 'proportional', from_attribute: 'id' },
    ...{ sampling_priority: 'priority', fail_closed: false },
  },
]

test('keeps the spans that the Go collector keeps, with the same trace state', async () => {
  const all = [traces(STATES)]
  const valid = [traces(STATES.filter(state => !BAD_STATES.has(state)))]
  await compare([
    ...SECTIONS.map(section => sampler('traces', section, all)),
    ...NEVER.map(section => sampler('traces', section, valid)),
  ])
})

test('keeps the log records that the Go collector keeps, with the same attributes', async () => {
  const requests = [logs()]
  await compare(LOG_SECTIONS.map(section => sampler('logs', section, requests)))
})

function sampler(
  signal: 'traces' | 'logs',
  section: object,
  requests: readonly object[],
): ComponentCase {
  const type = 'probabilistic_sampler'
  return { name: JSON.stringify(section), type, section, signal, requests }
}

async function compare(cases: readonly ComponentCase[]): Promise<void> {
  const expected = await askGo(cases)
  for (const [i, each] of cases.entries()) {
    assert.deepEqual(await askOurs(each), expected[i], each.name)
  }
}

/** All combinations, with ids from a small generator so that each run asks the same. */
function traces(states: readonly string[]): object {
  const next = generator()
  const spans = states.flatMap(traceState =>
    PRIORITIES.flatMap(priority =>
      [0, 1, 2].map(i => ({
        traceId: i === 2 ? '' : hex(next, 4),
        spanId: hex(next, 2),
        name: `s${i}`,
        traceState,
        attributes: [
          ...attribute('before', { stringValue: 'x' }),
          ...attribute('sampling.priority', priority),
        ],
        endTimeUnixNano: '5',
      })),
    ),
  )
  return { resourceSpans: [{ scopeSpans: [{ spans }] }] }
}

const THRESHOLDS = [
  undefined,
  { stringValue: '8' },
  { stringValue: 'xx' },
  { intValue: '8' },
  { stringValue: '' },
]
const RANDOMNESS = [undefined, { stringValue: '00ffffffffffff' }, { stringValue: 'ab' }]
const LOG_PRIORITIES = [undefined, { intValue: '100' }, { doubleValue: 12.5 }, { intValue: '0' }]
const IDS = [
  undefined,
  { stringValue: 'abc' },
  { intValue: '7' },
  { doubleValue: 0.25 },
  { bytesValue: 'AAEC' },
  { arrayValue: { values: [{ stringValue: '<' }, { intValue: '1' }] } },
]

function logs(): object {
  const next = generator()
  const logRecords = THRESHOLDS.flatMap(threshold =>
    RANDOMNESS.flatMap(randomness =>
      LOG_PRIORITIES.flatMap(priority =>
        IDS.map((id, i) => ({
          traceId: i % 2 === 0 ? hex(next, 4) : '',
          body: { stringValue: 'line' },
          attributes: [
            ...attribute('sampling.threshold', threshold),
            ...attribute('id', id),
            ...attribute('sampling.randomness', randomness),
            ...attribute('priority', priority),
          ],
        })),
      ),
    ),
  )
  return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }
}

function attribute(key: string, value: object | undefined): object[] {
  return value === undefined ? [] : [{ key, value }]
}

function hex(next: () => number, words: number): string {
  return Array.from({ length: words }, () => next().toString(16).padStart(8, '0')).join('')
}

/** xorshift32. */
function generator(): () => number {
  let state = 0x2545f491
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
}
