/** Hostile rule texts: refused with a code and a place inside the text, or run without harm; both within bounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../../../src/cli/generate/random.ts'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import {
  type CompileOptions,
  compileCondition,
  compileStatement,
  compileValue,
} from '../../../src/rules/compile.ts'
import type { Cursor } from '../../../src/rules/contexts/cursor.ts'
import { contextSpec } from '../../../src/rules/contexts/index.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { RuleError } from '../../../src/rules/format-error.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError } from '../../../src/rules/value.ts'
import { bytesOf } from '../generate/ask.ts'
import { telemetryJson } from '../generate/telemetry.ts'
import { hostileText } from './hostile-texts.ts'

const TEXTS = 10_000
/** Of this process, three compilations and the runs on every span of one request; the machine may be busy, so no wall clock. */
const MAX_CPU_MILLIS = 1_500
const MEAN_CPU_MILLIS = 10
/** Caches of patterns and layouts, and the code that the engine made on the way. */
const MAX_HEAP_GROWTH = 128 * 1024 * 1024

const OPTIONS: CompileOptions = { context: contextSpec('span'), functions: standardFunctions }
const COMPILERS: readonly ((text: string) => (scope: Cursor) => unknown)[] = [
  text => compileValue(text, OPTIONS).get,
  text => compileCondition(text, OPTIONS).test,
  text => compileStatement(text, OPTIONS).run,
]

const bytes = bytesOf('traces', telemetryJson(new Random(7), 'traces'))
const index = indexRequest('traces', bytes)

function compileOrRefuse(text: string, compile: (typeof COMPILERS)[number]) {
  try {
    return compile(text)
  } catch (error) {
    const shown = JSON.stringify(text.slice(0, 300))
    assert.ok(error instanceof RuleError, `${shown} gave ${error}`)
    assert.match(error.code, /^MILLRACE_RULES_(?:SYNTAX|UNKNOWN_NAME|ARGUMENTS)$/)
    const { start, end } = error.at
    assert.ok(start >= 0 && start <= text.length && end >= start, `${start} to ${end} of ${shown}`)
    assert.ok(error.message.length < 2_000, `a message of ${error.message.length} for ${shown}`)
    return null
  }
}

function runOnAll(text: string, run: (scope: Cursor) => unknown): void {
  assert.ok(!isWireFault(index))
  const editor = new PartEditor('traces')
  const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
  editor.open(part, NO_CONTEXT)
  editor.each('span', scope => {
    try {
      run(scope)
    } catch (error) {
      const shown = JSON.stringify(text.slice(0, 300))
      assert.ok(error instanceof EvaluationError, `${shown} gave ${error}`)
    }
  })
  editor.finish()
}

/** After a full collection, which needs a flag that the test sets for itself. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

function cpuMillis(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

test(`${TEXTS} hostile texts are refused with a code and a place, or run, soon`, () => {
  const seed = Number(process.env.HOSTILE_SEED ?? Date.now() % 0x7fffffff)
  const started = cpuMillis()
  const heapBefore = heapInUse()
  let slowest = { millis: 0, text: '' }
  let loaded = 0
  for (let i = 0; i < TEXTS; i++) {
    const text = hostileText(new Random(seed + i))
    const before = cpuMillis()
    try {
      for (const compile of COMPILERS) {
        const run = compileOrRefuse(text, compile)
        if (run === null) continue
        loaded++
        runOnAll(text, run)
      }
    } catch (error) {
      assert.fail(`HOSTILE_SEED=${seed + i}: ${(error as Error).message}`)
    }
    const millis = cpuMillis() - before
    if (millis > slowest.millis) slowest = { millis, text: `${seed + i}: ${text.slice(0, 200)}` }
  }
  const spent = cpuMillis() - started
  assert.ok(loaded > TEXTS / 20, `only ${loaded} could be run`)
  assert.ok(spent < TEXTS * MEAN_CPU_MILLIS, `${spent} ms of CPU for all`)
  assert.ok(slowest.millis < MAX_CPU_MILLIS, `${slowest.millis} ms for ${slowest.text}`)
  const growth = heapInUse() - heapBefore
  assert.ok(growth < MAX_HEAP_GROWTH, `${growth} bytes of heap are kept`)
})

test('chains of operations and of keys have an end, and messages quote no more than a part', () => {
  const sum = (count: number) => Array.from({ length: count }, () => '1').join(' + ')
  assert.equal(compileValue(sum(1_000), OPTIONS).get(null), 1_000n)
  const refused: readonly (readonly [text: string, message: RegExp])[] = [
    [sum(1_001), /more than 1000 operations/],
    [`Len(${sum(900)}) + ${sum(200)}`, /more than 1000 operations/],
    [`name${'["a"]'.repeat(201)}`, /at most 200 keys/],
    [`ParseJSON(name)${'[0]'.repeat(201)}`, /at most 200 keys/],
    ['a'.repeat(2 ** 18 + 1), /longer than 262144/],
    [`${'no_such_'.repeat(1_000)}name`, /^there is no path no_such_.* … .*name$/s],
  ]
  for (const [text, message] of refused) {
    assert.throws(
      () => compileValue(text, OPTIONS),
      error =>
        error instanceof RuleError && message.test(error.reason) && error.message.length < 1_500,
      text.slice(0, 50),
    )
  }
})
