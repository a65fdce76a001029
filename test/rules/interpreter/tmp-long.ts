/** What the compiler makes of a rule does what a plain walk over its syntax tree does, and printing a rule changes nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import type { Statement, ValueNode } from '../../../src/rules/ast.ts'
import { compileCondition, compileStatement, compileValue } from '../../../src/rules/compile.ts'
import type { Cursor } from '../../../src/rules/contexts/cursor.ts'
import { contextSpec } from '../../../src/rules/contexts/index.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { RuleError } from '../../../src/rules/format-error.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError, type Value } from '../../../src/rules/value.ts'
import { Interpreter, LoadFault } from './interpreter.ts'
import { isCondition, parse, print, type RandomRule, randomRule } from './random-rule.ts'

const RUNS = 40_000
/** They give something else each time. */
const UNSTEADY = /\b(?:Now|UUID|UUIDv7)\(/

type Run = (scope: Cursor) => Value | boolean

/** A seed says enough to make the rule and its telemetry again. */
const seeds = fc.noShrink(fc.integer({ min: 0, max: 0x7fffffff }))

function compiled({ kind, context, text }: RandomRule): Run | 'refused' {
  const options = { context: contextSpec(context), functions: standardFunctions }
  try {
    if (kind === 'statement') return compileStatement(text, options).run
    return kind === 'condition'
      ? compileCondition(text, options).test
      : compileValue(text, options).get
  } catch (error) {
    if (error instanceof RuleError) return 'refused'
    throw error
  }
}

function interpreted({ kind, context, text }: RandomRule): Run | 'refused' {
  const spec = contextSpec(context)
  const interpreter = new Interpreter(spec, [...standardFunctions, ...spec.functions])
  try {
    const tree = parse(kind, text)
    interpreter.load(tree)
    if (tree.kind === 'statement') return scope => interpreter.run(tree as Statement, scope)
    if (isCondition(tree)) return scope => interpreter.condition(tree, scope)
    return scope => interpreter.value(tree as ValueNode, scope)
  } catch (error) {
    if (error instanceof LoadFault || (error as Error).name === 'SyntaxFault') return 'refused'
    throw error
  }
}

interface Outcome {
  readonly results: readonly unknown[]
  readonly bytes: string
}

/** What a run gives on each item, or that it fails there, and the telemetry afterwards. */
function outcome({ signal, context, bytes }: RandomRule, run: Run): Outcome {
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
  const editor = new PartEditor(signal)
  const results: unknown[] = []
  editor.open(part, NO_CONTEXT)
  editor.each(context, scope => {
    try {
      results.push(run(scope))
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      results.push('failed')
    }
  })
  const after = flatten(encodeParts([{ ...part, ...editor.finish() }]))
  return { results, bytes: Buffer.from(after).toString('hex') }
}

test('a compiled rule gives what walking its tree gives, on every item, errors included', () => {
  const seen = { refused: 0, failed: 0, done: 0 }
  fc.assert(
    fc.property(seeds, seed => {
      const rule = randomRule(seed)
      fc.pre(!UNSTEADY.test(rule.text))
      const [ours, plain] = [compiled(rule), interpreted(rule)]
      assert.equal(typeof ours, typeof plain, rule.text)
      if (ours === 'refused' || plain === 'refused') {
        seen.refused++
        return
      }
      const given = outcome(rule, ours)
      seen[given.results.includes('failed') ? 'failed' : 'done']++
      assert.deepEqual(given, outcome(rule, plain), rule.text)
    }),
    { numRuns: RUNS },
  )
  // Neither refusals nor failures may hide that nothing is compared.
  assert.ok(seen.done > RUNS / 4 && seen.failed > RUNS / 50, JSON.stringify(seen))
})

/** Without positions. */
function bare(node: unknown): unknown {
  return JSON.stringify(node, (key, item) => {
    if (key === 'at') return undefined
    if (typeof item === 'bigint') return `${item}n`
    return Object.is(item, -0) ? '-0' : item
  })
}

test('a printed rule parses to the same tree, and prints the same again', () => {
  fc.assert(
    fc.property(seeds, seed => {
      const { kind, text } = randomRule(seed)
      let tree: ReturnType<typeof parse>
      try {
        tree = parse(kind, text)
      } catch {
        return
      }
      const printed = print(tree)
      const again = parse(kind, printed)
      assert.equal(bare(again), bare(tree), text)
      assert.equal(print(again), printed)
    }),
    { numRuns: RUNS },
  )
})
