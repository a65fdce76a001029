/** The tutorial of rules: every rule file in it is loaded, and every case holds. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { Source } from '../../src/config/source.ts'
import { casesPathOf, readCases } from '../../src/rules/files/cases/read.ts'
import { runCases } from '../../src/rules/files/cases/run.ts'
import { makeCursorEvaluator } from '../../src/rules/files/cursor-evaluator.ts'
import { ruleLanguage } from '../../src/rules/files/language.ts'
import { loadRules } from '../../src/rules/files/load.ts'
import { ROOT } from '../harness/process.ts'

const TEXT = readFileSync(join(ROOT, 'docs', 'rules.md'), 'utf8')
/** YAML blocks that begin with the name of their file. */
const BLOCKS = new Map(
  [...TEXT.matchAll(/```yaml\n# (\S+\.yaml)\n([\s\S]*?)```/g)].map(match => [match[1], match[2]]),
)
const RULE_FILES = [...BLOCKS.keys()].filter(name => !name.endsWith('.cases.yaml'))

test('the tutorial has examples with cases', () => {
  assert.ok(RULE_FILES.length >= 7)
  assert.equal(BLOCKS.size, RULE_FILES.length * 2)
})

for (const name of RULE_FILES) {
  test(`the example ${name} does what the text says`, () => {
    const { set, problems } = loadRules([new Source(name, BLOCKS.get(name)!)], {
      language: ruleLanguage,
    })
    assert.deepEqual(problems, [])
    const cases = casesPathOf(name)
    const names = set!.rules.map(rule => rule.name)
    const read = readCases(new Source(cases, BLOCKS.get(cases)!), names)
    assert.deepEqual(read.problems, [])

    for (const { case: each, differences } of runCases(set!, read.cases, makeCursorEvaluator)) {
      assert.deepEqual(differences, [], each.name)
    }
  })
}
