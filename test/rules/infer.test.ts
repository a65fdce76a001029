/** Context inference: the most inner context that is named and knows every function and enum. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ContextCandidate, inferContext } from '../../src/rules/infer.ts'
import { parseCondition, parseStatement } from '../../src/rules/parser.ts'

function candidate(names: readonly string[], lower: readonly string[] = []): ContextCandidate {
  return {
    hasFunction: name => names.includes(name),
    hasEnum: name => names.includes(name),
    lower,
  }
}

test('takes the context of the highest priority that a path names', () => {
  const nodes = [
    parseStatement('set(resource.foo, resource.value) where span.bar == true'),
    parseStatement('set(resource.foo, resource.value) where spanevent.bar == true'),
  ]
  assert.equal(inferContext(nodes, ['spanevent', 'span', 'resource']), 'spanevent')
  assert.equal(inferContext(nodes), 'spanevent')
})

test('takes a context without priority only when no other is named', () => {
  assert.equal(inferContext([parseStatement('set(foo.name, bar.name)')]), 'foo')
  assert.equal(inferContext([parseStatement('set(foo.name, span.name)')]), 'span')
  assert.equal(inferContext([parseStatement('set(foo, true) where bar == true')]), '')
})

test('falls to a lower context when the first lacks a function or an enum', () => {
  const set = [parseStatement('set(metric.foo, true) where metric.name == FOO')]
  const contexts = (metric: readonly string[], datapoint: readonly string[]) =>
    new Map([
      ['metric', candidate(metric, ['foo', 'datapoint'])],
      ['foo', candidate([])],
      ['datapoint', candidate(datapoint)],
    ])
  const infer = (...names: [string[], string[]]) => inferContext(set, undefined, contexts(...names))
  assert.equal(infer(['set', 'FOO'], ['set', 'FOO']), 'metric')
  assert.equal(infer(['set'], ['set', 'FOO']), 'datapoint')
  assert.equal(infer(['FOO'], ['set', 'FOO']), 'datapoint')
  assert.equal(infer(['FOO'], ['set']), '')
})

test('parameters of lambdas are no paths, and converters passed by name are functions', () => {
  const condition = parseCondition('Any(resource.list, (span) => span["a"] == 1)')
  assert.equal(inferContext([condition]), 'resource')
  const statement = parseStatement('replace_pattern(log.body, "a", "b", SHA256)')
  const candidates = new Map([['log', candidate(['replace_pattern', 'SHA256'])]])
  assert.equal(inferContext([statement], undefined, candidates), 'log')
})
