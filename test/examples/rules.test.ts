/** Every file of `rules/`: says for whom it is, is formatted, and all its cases come out as they say. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatRules } from '../../src/cli/rules/fmt.ts'
import { casesPathOf, readCases } from '../../src/rules/files/cases/read.ts'
import { runCases } from '../../src/rules/files/cases/run.ts'
import { makeCursorEvaluator } from '../../src/rules/files/cursor-evaluator.ts'
import { ruleLanguage } from '../../src/rules/files/language.ts'
import { loadRules } from '../../src/rules/files/load.ts'
import { readSource } from '../../src/rules/files/read-file.ts'
import { ROOT } from '../harness/process.ts'

const FOLDER = join(ROOT, 'rules')
const FILES = readdirSync(FOLDER).filter(name => !name.endsWith('.cases.yaml'))

for (const file of FILES) {
  test(`rules/${file} does what its cases say`, () => {
    const { set, problems } = loadRules([readSource(join(FOLDER, file))], {
      language: ruleLanguage,
    })
    assert.deepEqual(problems, [])
    const names = set!.rules.map(rule => rule.name)
    const read = readCases(readSource(casesPathOf(join(FOLDER, file))), names)
    assert.deepEqual(read.problems, [])

    const results = runCases(set!, read.cases, makeCursorEvaluator)

    for (const { case: each, differences } of results) assert.deepEqual(differences, [], each.name)
    const hit = new Set(results.flatMap(result => result.outcome.hits))
    assert.deepEqual(
      names.filter(name => !hit.has(name)),
      [],
      'every rule has a case that it matches',
    )
  })

  test(`rules/${file} says for whom it is, and is formatted`, () => {
    const text = readFileSync(join(FOLDER, file), 'utf8')
    const cases = readFileSync(casesPathOf(join(FOLDER, file)), 'utf8')

    assert.match(text, /^# For whom: /)
    assert.equal(formatRules(text), text)
    assert.equal(formatRules(cases), cases)
  })
}
