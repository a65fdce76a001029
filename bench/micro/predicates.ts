/**
 * Answers: what does a condition cost for each span, over slots and in the general evaluation, and how does the cost grow with the
 * number of rules? Nanoseconds per span, best of many rounds. The scan of the slots is in all numbers.
 *
 *   node --import tsx bench/micro/predicates.ts
 */
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { indexRequest, kernelName } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { compileCondition } from '../../src/rules/compile.ts'
import { contextSpec } from '../../src/rules/contexts/index.ts'
import { PartEditor } from '../../src/rules/contexts/part-editor.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { compilePredicates, type PredicateSet } from '../../src/rules/predicate/predicate-set.ts'
import { compareWays, type Way } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

const SPANS = 512

const options = { context: contextSpec('span', 'traces'), functions: standardFunctions }
const bytes = corpusRequest('traces', { items: SPANS })
const indexed = indexRequest('traces', bytes)
if (isWireFault(indexed)) throw new Error(indexed.fault)
const index = indexed
const part = { payload: { bytes }, index, selection: null, items: SPANS }
const editor = new PartEditor('traces')

const KINDS: readonly (readonly [title: string, condition: string])[] = [
  ['scan of one attribute', 'attributes["url.path"] == nil'],
  ['equality', 'attributes["http.request.method"] == "GET"'],
  ['equality, never true', 'attributes["http.request.method"] == "PUT"'],
  ['numeric', 'attributes["http.response.status_code"] >= 500'],
  ['enum in a submessage', 'status.code == STATUS_CODE_ERROR'],
  ['IsMatch literal, exact', 'IsMatch(attributes["url.path"], "^/(healthz|readyz)$")'],
  ['IsMatch literal, prefix', 'IsMatch(attributes["url.path"], "^/api/v2/")'],
  ['IsMatch literal, contains', 'IsMatch(attributes["url.path"], "admin")'],
  ['IsMatch general, few texts', 'IsMatch(attributes["server.address"], "^[a-z]+\\\\.shop\\\\.")'],
  [
    'IsMatch general, all distinct',
    'IsMatch(attributes["url.path"], "^/api/v[0-9]+/cart/[0-9]+$")',
  ],
  ['absent key', 'attributes["no.such.key"] == "x"'],
  ['resource', 'resource.attributes["service.name"] == "checkout"'],
]

const COUNTS = [5, 100, 1000]

console.log(`kernel in use: ${kernelName()}; ns per span, ${SPANS} spans a request`)
console.log('over slots')
compareWays(SPANS, [
  ...KINDS.map(([title, condition]) => overSlots(title, [condition])),
  ...COUNTS.map(count => overSlots(`${count} rules over 8 attributes`, rules(count))),
])
console.log('general evaluation')
compareWays(SPANS, [
  ...KINDS.map(([title, condition]) => general(title, [condition])),
  ...COUNTS.slice(0, 2).map(count => general(`${count} rules over 8 attributes`, rules(count))),
])

/** Conditions over 8 attributes, as a set that routes by them has; the first that holds is asked for. */
function rules(count: number): string[] {
  const keys = ['http.request.method', 'url.path', 'url.scheme', 'server.address']
  keys.push('server.port', 'http.response.status_code', 'client.address', 'app.user.id')
  return Array.from({ length: count }, (_, i) => {
    const path = `attributes["${keys[i % keys.length]}"]`
    if (i % keys.length === 4 || i % keys.length === 5) return `${path} == ${i}`
    if (i % 10 === 7) return `IsMatch(${path}, "^prefix-${i}")`
    if (i % 10 === 3) return `${path} == "v${i}" and status.code == STATUS_CODE_ERROR`
    return `${path} == "v${i}"`
  })
}

function overSlots(title: string, conditions: readonly string[]): Way {
  const sources = conditions.map(text => ({ text }))
  const set = compilePredicates(sources, options, 'traces')
  return [title, () => countMatches(set)]
}

function countMatches(set: PredicateSet): number {
  let matches = 0
  set.scan(bytes, index)
  for (let row = 0; row < SPANS; row++) if (set.next(row, 0, null) !== -1) matches++
  set.close()
  return matches
}

function general(title: string, conditions: readonly string[]): Way {
  const tests = conditions.map(text => compileCondition(text, options).test)
  const run = () => {
    let matches = 0
    editor.open(part, NO_CONTEXT)
    editor.each('span', cursor => {
      for (let i = 0; i < tests.length; i++) {
        if (!tests[i](cursor)) continue
        matches++
        break
      }
    })
    editor.finish()
    return matches
  }
  return [title, run]
}
