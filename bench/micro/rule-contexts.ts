/**
 * Answers: what does a rule cost on the general path, without slots, and what when it is told in advance? Nanoseconds per
 * span of a request of 512 spans with ten attributes each; the last lines include laying out the changed request.
 *
 *   node --import tsx bench/micro/rule-contexts.ts
 */
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { encodeParts } from '../../src/otlp/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { compileQuick } from '../../src/rules/apply/quick-statements.ts'
import { compileCondition, compileStatement } from '../../src/rules/compile.ts'
import { contextSpec } from '../../src/rules/contexts/index.ts'
import { PartEditor } from '../../src/rules/contexts/part-editor.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { runSequence } from '../../src/rules/sequence.ts'
import { BufferPool } from '../../src/util/buffer-pool.ts'
import { compareWays } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const bytes = corpusRequest('traces', { items: ITEMS })
const index = indexRequest('traces', bytes)
if (isWireFault(index)) throw new Error(index.fault)
const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
const options = { context: contextSpec('span'), functions: standardFunctions }
const memory = new BufferPool(1 << 24)
const editor = new PartEditor('traces', memory)

const IGNORE_ERRORS = { errorMode: 'ignore', onError: () => {} } as const

const TYPICAL = [
  'set(attributes["tenant"], "shop")',
  'replace_pattern(attributes["client.address"], "^(\\\\d+\\\\.\\\\d+)\\\\..*", "$1.x.x")',
  'delete_key(attributes, "user_agent.original") where kind == SPAN_KIND_SERVER',
]

/** So that no answer is computed for nobody. */
let sink = 0

console.log('ns per span')
compareWays(ITEMS, [
  ['move only', () => pass(() => 0)],
  condition('name == "GET /cart"'),
  condition('attributes["http.request.method"] == "GET"'),
  condition('resource.attributes["service.name"] == "checkout"'),
  condition('kind == SPAN_KIND_SERVER and status.code == STATUS_CODE_ERROR'),
  statement('set(attributes["new"], "value")'),
  statement('set(name, "changed")'),
  statement('delete_key(attributes, "http.request.method")'),
  statement('set(resource.attributes["new"], "value")'),
  statements('three edits as in a typical transform', TYPICAL),
  quick('the same, told in advance', TYPICAL),
])
if (sink < 0) throw new Error('unreachable')

function pass(visit: (scope: unknown) => number): void {
  editor.open(part, NO_CONTEXT)
  editor.each('span', scope => {
    sink += visit(scope)
  })
  editor.finish()
}

function condition(text: string): [string, () => void] {
  const { test } = compileCondition(text, options)
  return [text, () => pass(scope => Number(test(scope)))]
}

function statement(text: string): [string, () => void] {
  return statements(text, [text])
}

function statements(title: string, texts: readonly string[]): [string, () => void] {
  const compiled = texts.map(text => compileStatement(text, options))
  return edits(title, () => {
    editor.each('span', scope => runSequence(compiled, scope, IGNORE_ERRORS))
  })
}

function quick(title: string, texts: readonly string[]): [string, () => void] {
  const program = compileQuick([{ statements: texts, conditions: [] }], 'span')
  if (program === null) throw new Error(`${title}: not in the quick form`)
  return edits(title, () => {
    editor.eachQuick('span', program, () => {
      throw new Error('an item was left to the general way')
    })
  })
}

function edits(title: string, work: () => void): [string, () => void] {
  const run = () => {
    editor.open(part, NO_CONTEXT)
    work()
    const edited = editor.finish()
    sink += encodeParts([{ ...part, ...edited }]).byteLength
    for (const chunk of edited.chunks) memory.give(chunk)
  }
  return [title, run]
}
