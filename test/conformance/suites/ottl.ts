/** OTTL as its reference implementation's own tests have it: each kind of case is asked of the layer it is about. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { tokenize } from '../../../src/rules/lexer.ts'
import { parseCondition, parseStatement } from '../../../src/rules/parser.ts'
import { judge, type Suite } from '../suite.ts'
import { booleanAst, statementAst } from './ottl-ast.ts'
import { componentChecks, isComponentCase } from './ottl-components.ts'
import { type ContextCase, contextChecks, type Inputs, isContextCase } from './ottl-contexts.ts'
import { evaluationChecks } from './ottl-evaluate.ts'
import { checkFunction, type FunctionCase, hasFunctions } from './ottl-functions.ts'
import type { OttlCase } from './ottl-values.ts'

type Check = (c: OttlCase) => void

const CHECKS: Readonly<Record<string, Check>> = {
  lex: c => orError(c, () => assert.deepEqual(tokens(c.expr), c.expect.tokens)),
  'parse-statement': c => orError(c, () => checkStatement(c)),
  'parse-condition': c => orError(c, () => checkCondition(c)),
  function: c => checkFunction(c as FunctionCase),
  ...evaluationChecks,
}

/** Cases of functions that are not there yet cannot be asked. */
function isBuilt(c: OttlCase): boolean {
  if (c.kind !== 'function') return true
  return hasFunctions(c.expr ?? `${(c as FunctionCase).function}()`)
}

export const ottlCases: Suite = {
  name: 'ottl/cases',
  path: 'ottl/cases.json',
  async *run(path) {
    const file = JSON.parse(readFileSync(path, 'utf8')) as { inputs: Inputs; cases: OttlCase[] }
    for (const c of file.cases) {
      const check = CHECKS[c.env === undefined ? c.kind : `${c.kind}/${c.env}`]
      const inContext = contextChecks[c.kind]
      if (check === undefined && inContext !== undefined && isContextCase(c as ContextCase)) {
        yield await judge(`${c.kind}:${c.id}`, () => inContext(c as ContextCase, file.inputs))
      } else if (check === undefined && isComponentCase(c as ContextCase)) {
        yield await judge(`${c.kind}:${c.id}`, () =>
          componentChecks[c.kind](c as ContextCase, file.inputs),
        )
      } else if (check === undefined || !isBuilt(c)) yield { id: c.id, isUnjudged: true }
      else yield await judge(`${c.kind}:${c.id}`, () => check(c))
    }
  },
}

function orError(c: OttlCase, check: () => void): void {
  if (c.expect.error === true) assert.throws(check, { name: 'SyntaxFault' })
  else check()
}

function tokens(text: string): string[][] {
  return tokenize(text)
    .filter(token => token.type !== 'EOF')
    .map(token => [token.type, token.text])
}

function checkStatement(c: OttlCase): void {
  const node = parseStatement(c.expr)
  if (c.expect.ast !== undefined) assert.deepEqual(statementAst(node), c.expect.ast)
  if (c.expect.whereAst !== undefined) {
    assert.ok(node.where)
    assert.deepEqual(booleanAst(node.where), c.expect.whereAst)
  }
}

function checkCondition(c: OttlCase): void {
  const node = parseCondition(c.expr)
  if (c.expect.ast !== undefined) assert.deepEqual(booleanAst(node), c.expect.ast)
}
