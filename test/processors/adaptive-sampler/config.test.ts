/** Configuration of `adaptive_sampler`: defaults, and what is refused. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { config as spec } from '../../../src/processors/adaptive-sampler/config.ts'

function problemsOf(section: object): string[] {
  const problems = spec.check?.(spec.schema.parse(section)) ?? []
  return problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test('an empty section keeps a tenth by the network', () => {
  const config = spec.schema.parse(null)

  assert.equal(config.budget.ratio, 0.1)
  assert.equal(config.model, 'network')
  assert.deepEqual([config.decision_wait, config.max_wait], [2000, 30_000])
  assert.deepEqual(config.lanes, { anomaly: 0.8, diversity: 0.1, uniform: 0.1 })
  assert.equal(config.storage, undefined)
  assert.deepEqual(problemsOf({}), [])
})

test('shares of lanes add up to one', () => {
  assert.match(problemsOf({ lanes: { anomaly: 0.9 } })[0], /^lanes: adds up to 1\.1/)
})

test('conditions are compiled at the start', () => {
  assert.match(problemsOf({ always_keep: ['nme == "a"'] })[0], /^always_keep\.0: /)
  assert.deepEqual(problemsOf({ never_keep: ['name == "a" and attributes["b"] != nil'] }), [])
})

test('no model runs twice, and waits fit into each other', () => {
  assert.deepEqual(
    problemsOf({
      decision_wait: '40s',
      challengers: [{ model: 'rules' }, { model: 'network' }, { model: 'rules' }],
    }),
    [
      'decision_wait: is longer than max_wait',
      'challengers.1.model: runs already',
      'challengers.2.model: runs already',
    ],
  )
})

test('a model that does not exist is refused', () => {
  const { error } = spec.schema.safeParse({ model: 'oracle' })

  assert.match(error?.issues[0].message ?? '', /is not a model/)
  assert.equal(spec.schema.safeParse({ model: 'network@1.0.0' }).success, true)
})

test('a budget of nothing, or of more than all, is refused', () => {
  for (const ratio of [0, -1, 1.5]) {
    assert.equal(spec.schema.safeParse({ budget: { ratio } }).success, false)
  }
})
