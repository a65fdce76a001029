/** Predicates over slots give what the general evaluation gives for every condition and row, failures included. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Random } from '../../../src/cli/generate/random.ts'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault, type RequestIndex } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import {
  type CompileOptions,
  compileCondition,
  compileStatement,
} from '../../../src/rules/compile.ts'
import { contextSpec, contextsOf } from '../../../src/rules/contexts/index.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { defineFunction, type Getter, type Target } from '../../../src/rules/function.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { compilePredicates, type PredicateSet } from '../../../src/rules/predicate/predicate-set.ts'
import { randomRequest } from '../../otlp/kernel/random-request.ts'
import { decode, encode } from '../../otlp/oracle.ts'
import { listItems } from '../../otlp/request-models.ts'
import { type NaiveScope, naiveContext } from './naive-context.ts'
import { condition } from './random-conditions.ts'
import { KEYS, pick, requestModel, TEXTS } from './random-telemetry.ts'

const NAIVE = [
  ['traces', 'span'],
  ['logs', 'log'],
  ['metrics', 'datapoint'],
] as const
const CONDITIONS = 30

for (const [signal, name] of NAIVE) {
  test(`judges random ${signal} as an evaluation over decoded objects does`, () => {
    const random = new Random(20_261)
    const context = naiveContext(name)
    const path = () => {
      const chosen = random.below(2) === 0 ? 'attributes' : pick(random, context.paths)
      return chosen.endsWith('attributes') ? `${chosen}["${pick(random, KEYS)}"]` : chosen
    }
    for (let round = 0; round < 25; round++) {
      const judge = new Judge({ context, functions: standardFunctions }, signal, random, path)
      const { bytes, index } = request(random, signal)
      const scopes = listItems(signal, decode(REQUEST_MESSAGE[signal], bytes)).map(
        (chain): NaiveScope => ({ item: chain.at(-1), scope: chain[1], resource: chain[0] }),
      )

      judge.set.scan(bytes, index)
      for (const [row, scope] of scopes.entries()) judge.compare(row, scope)
    }
  })
}

const CONTEXTS = SIGNALS.flatMap(signal => contextsOf(signal).map(name => [signal, name] as const))
const ROW_LEVELS: Readonly<Record<string, number>> = {
  resource: 0,
  scope: 1,
  datapoint: 4,
  exemplar: 4,
}

for (const [signal, name] of CONTEXTS) {
  test(`judges ${name} in random ${signal} as the general evaluation over bytes does`, () => {
    const random = new Random(7)
    const options = { context: contextSpec(name, signal), functions: standardFunctions }
    const paths = usablePaths(options)
    const level = ROW_LEVELS[name] ?? 2
    for (let round = 0; round < 8; round++) {
      const judge = new Judge(options, signal, random, () => pick(random, paths))
      // Every other request is as odd as encodings get: fields in any order, twice, or unknown.
      const odd = () => indexed(signal, randomRequest(signal, random.below(0x7fff_ffff)).bytes)
      const { bytes, index } = round % 2 === 0 ? request(random, signal) : odd()
      const editor = new PartEditor(signal)
      const part = { payload: { bytes }, index, selection: null, items: index.items }

      judge.set.scan(bytes, index)
      editor.open(part, NO_CONTEXT)
      editor.each(name, cursor => judge.compare(cursor.space.rows[level], cursor))
    }
  })
}

for (const [signal, name] of CONTEXTS) {
  test(`sees in ${name} of ${signal} what editors changed`, () => {
    const random = new Random(5)
    const options = { context: contextSpec(name, signal), functions: [...standardFunctions, SET] }
    const paths = usablePaths(options)
    const level = ROW_LEVELS[name] ?? 2
    for (let round = 0; round < 4; round++) {
      const judge = new Judge(options, signal, random, () => pick(random, paths))
      const { bytes, index } = request(random, signal)
      const editor = new PartEditor(signal)
      const part = { payload: { bytes }, index, selection: null, items: index.items }

      judge.set.scan(bytes, index)
      editor.open(part, NO_CONTEXT)
      editor.each(name, cursor => {
        const row = cursor.space.rows[level]
        judge.compare(row, cursor)
        const text = JSON.stringify(pick(random, TEXTS))
        const edit = compileStatement(`set(${pick(random, paths)}, ${text})`, options)
        outcome(() => edit.run(cursor))
        judge.set.edited(cursor.space.changed)
        judge.compare(row, cursor)
      })
    }
  })
}

test('sees that a request was scanned anew', () => {
  const context = naiveContext('span')
  const options = { context, functions: standardFunctions }
  const set = compilePredicates([{ text: 'name == "GET"' }], options, 'traces')
  for (const name of ['GET', 'POST', 'GET']) {
    const model = { resourceSpans: [{ scopeSpans: [{ spans: [{ name }] }] }] }
    const { bytes, index } = indexed('traces', encode(REQUEST_MESSAGE.traces, model))

    set.scan(bytes, index)

    assert.equal(set.test(0, 0, null), name === 'GET')
    assert.equal(set.next(0, 0, null), name === 'GET' ? 0 : -1)
    set.close()
  }
})

test('asks nobody else about comparisons and matches of texts and numbers', () => {
  const conditions: readonly (readonly [string, boolean])[] = [
    ['name == "GET /cart"', true],
    ['name != "GET /cart"', false],
    ['kind == 2 and status.code >= 1', true],
    ['attributes["http.status"] > 499.5', true],
    ['attributes["absent"] == nil and not (attributes["http.route"] == nil)', true],
    ['IsMatch(attributes["http.route"], "^/(cart|basket)$")', true],
    ['IsMatch(attributes["http.route"], "^/b")', false],
    ['IsMatch(attributes["http.route"], "[a-c]{2}rt")', true],
    ['IsMatch(attributes["absent"], ".*")', false],
    ['HasPrefix(name, "GET")', true],
    ['resource.attributes["service.name"] == "shop"', true],
    ['"basket" < resource.attributes["service.name"]', true],
  ]
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const attributes = [
    text('http.route', '/cart'),
    { key: 'http.status', value: { intValue: '500' } },
  ]
  const span = { name: 'GET /cart', kind: 2, status: { code: 2 }, attributes }
  const resource = { attributes: [text('service.name', 'shop')] }
  const model = { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }
  const { bytes, index } = indexed('traces', encode(REQUEST_MESSAGE.traces, model))
  const options = { context: naiveContext('span'), functions: standardFunctions }
  const set = compilePredicates(
    conditions.map(([source]) => ({ text: source })),
    options,
    'traces',
  )

  set.scan(bytes, index)

  // The general evaluation would fail on a scope that is null.
  for (const [i, [source, expected]] of conditions.entries()) {
    assert.equal(set.test(i, 0, null), expected, source)
  }
})

test('evaluates what only groups tell once for each group', () => {
  let evaluations = 0
  const naive = naiveContext('span')
  const options: CompileOptions = {
    functions: standardFunctions,
    context: {
      ...naive,
      resolve: segments => {
        const path = naive.resolve(segments)!
        const get = (scope: unknown) => {
          evaluations++
          return path.get(scope)
        }
        return { ...path, get }
      },
    },
  }
  const number = { key: 'n', value: { intValue: '5' } }
  const spans = Array.from({ length: 10 }, () => ({}))
  const resourceSpans = [1, 2].map(() => ({
    resource: { attributes: [number] },
    scopeSpans: [{ spans }],
  }))
  const { bytes, index } = indexed('traces', encode(REQUEST_MESSAGE.traces, { resourceSpans }))
  const text = 'IsMatch(resource.attributes["n"], "5") and name == ""'
  const set = compilePredicates([{ text }], options, 'traces')
  const scope = { item: {}, scope: {}, resource: resourceSpans[0] }

  set.scan(bytes, index)
  for (let row = 0; row < 20; row++) assert.equal(set.test(0, row, scope), true)

  assert.equal(evaluations, 2)
})

/** As the editor of the same name, without its rules for types. */
const SET = defineFunction({
  name: 'set',
  kind: 'editor',
  params: [
    { name: 'Target', type: 'target' },
    { name: 'Value', type: 'any' },
  ],
  summary: '',
  example: { expr: '', result: '' },
  make:
    ([target, value]: readonly [Target, Getter]) =>
    scope => {
      target.set(scope, value(scope))
      return null
    },
})

/** The same conditions as a set and one by one. */
class Judge {
  readonly set: PredicateSet
  readonly #texts: string[]
  readonly #general: readonly ((scope: unknown) => boolean)[]

  constructor(options: CompileOptions, signal: Signal, random: Random, path: () => string) {
    const enums = [...options.context.enums.keys(), '2']
    this.#texts = Array.from({ length: CONDITIONS }, () =>
      condition(random, path, 3).replaceAll('ENUM', () => pick(random, enums)),
    )
    if (options.context.functions.length > 0) this.#texts.push('IsRootSpan()', 'not IsRootSpan()')
    this.#general = this.#texts.map(text => compileCondition(text, options).test)
    this.set = compilePredicates(
      this.#texts.map(text => ({ text })),
      options,
      signal,
    )
  }

  compare(row: number, scope: unknown): void {
    const expected = this.#general.map(holds => outcome(() => holds(scope)))
    for (const [i, text] of this.#texts.entries()) {
      const got = outcome(() => this.set.test(i, row, scope))
      assert.equal(got, expected[i], text)
      assert.equal(
        outcome(() => this.set.general(i, scope)),
        expected[i],
        text,
      )
    }
    assert.deepEqual(matching(this.set, row, scope), matchingOf(expected))
  }
}

/** All conditions that hold or fail, by `next`. */
function matching(set: PredicateSet, row: number, scope: unknown): string[] {
  const found: string[] = []
  for (let i = 0; i < set.size; i++) {
    const result = outcome(() => (i = set.next(row, i, scope)))
    if (result === -1) break
    if (typeof result === 'string') found.push(`${(i = set.tested)} ${result}`)
    else found.push(String(i))
  }
  return found
}

function matchingOf(expected: readonly unknown[]): string[] {
  return [...expected.entries()]
    .filter(([, result]) => result !== false)
    .map(([i, result]) => (result === true ? String(i) : `${i} ${result}`))
}

function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    return (error as Error).message
  }
}

/** Every path of a context that may be read, maps by a key. */
function usablePaths(options: CompileOptions): string[] {
  return options.context.paths
    .flatMap(path => [path, ...KEYS.map(key => `${path}["${key}"]`)])
    .filter(path => typeof outcome(() => compileCondition(`${path} == nil`, options)) !== 'string')
}

function request(random: Random, signal: Signal): { bytes: Uint8Array; index: RequestIndex } {
  return indexed(signal, encode(REQUEST_MESSAGE[signal], requestModel(random, signal)))
}

function indexed(signal: Signal, bytes: Uint8Array): { bytes: Uint8Array; index: RequestIndex } {
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(JSON.stringify(index))
  return { bytes, index }
}
