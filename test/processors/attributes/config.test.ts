/** Configuration of `attributes`: what is refused at load, and what only when the signal is known. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { config as spec } from '../../../src/processors/attributes/config.ts'
import { factory } from '../../../src/processors/attributes/factory.ts'
import { AttributesProcessor } from '../../../src/processors/attributes/processor.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'

const GOOD = { key: 'k', action: 'delete' }

function problemsOf(section: object): string[] {
  return validateComponentConfig(factory, section).map(p => `${p.path}: ${p.message}`)
}

const WRONG_ACTIONS: readonly (readonly [string, object, RegExp])[] = [
  ['no key', { action: 'insert', value: 1 }, /actions\.0\.key: .*missing/],
  ['neither key nor pattern', { action: 'delete' }, /actions\.0\.key: .*missing/],
  ['an unknown action', { key: 'k', action: 'rename' }, /actions\.0\.action/],
  ['no source', { key: 'k', action: 'insert' }, /actions\.0\.value: .*missing/],
  ['two sources', { key: 'k', action: 'update', value: 1, from_attribute: 'a' }, /together/],
  ['a pattern of insert', { key: 'k', action: 'insert', value: 1, pattern: 'x' }, /not used/],
  ['a type of upsert', { key: 'k', action: 'upsert', value: 1, converted_type: 'int' }, /not used/],
  ['a value of delete', { ...GOOD, value: 1 }, /not used by delete/],
  ['a source of hash', { key: 'k', action: 'hash', from_attribute: 'a' }, /not used by hash/],
  ['a pattern that is none', { action: 'delete', pattern: '(' }, /actions\.0\.pattern/],
  ['extract without a pattern', { key: 'k', action: 'extract' }, /pattern: .*missing/],
  ['a pattern without groups', { key: 'k', action: 'extract', pattern: 'x' }, /no named group/],
  ['a group without a name', { key: 'k', action: 'extract', pattern: '(x)(?P<a>y)' }, /a name/],
  [
    'a source of extract',
    { key: 'k', action: 'extract', pattern: '(?P<a>x)', value: 1 },
    /extract/,
  ],
  ['convert without a type', { key: 'k', action: 'convert' }, /converted_type: .*missing/],
  ['an unknown type', { key: 'k', action: 'convert', converted_type: 'bool' }, /bool/],
  ['an unknown key', { ...GOOD, keys: 'x' }, /keys/],
]

for (const [what, action, message] of WRONG_ACTIONS) {
  test(`refuses an action with ${what}`, () => {
    assert.match(problemsOf({ actions: [action] }).join('\n'), message)
  })
}

const WRONG_SIDES: readonly (readonly [string, object, RegExp])[] = [
  ['nothing to match', { match_type: 'strict' }, /include: .*nothing in particular/],
  ['keys of two signals', { match_type: 'strict', services: ['a'], log_bodies: ['b'] }, /valid/],
  ['no match_type', { services: ['a'] }, /match_type/],
  ['an unknown match_type', { match_type: 'expr', services: ['a'] }, /match_type/],
  ['an unknown span kind', { match_type: 'strict', span_kinds: ['server'] }, /kind server/],
  ['a pattern that is none', { match_type: 'regexp', log_bodies: ['('] }, /include: /],
  [
    'a number by pattern',
    { match_type: 'regexp', attributes: [{ key: 'k', value: 1 }] },
    /only a text/,
  ],
]

for (const [what, include, message] of WRONG_SIDES) {
  test(`refuses include with ${what}`, () => {
    assert.match(problemsOf({ actions: [GOOD], include }).join('\n'), message)
  })
}

test('wants at least one action', () => {
  assert.match(problemsOf({}).join('\n'), /actions: .*missing/)
  assert.match(problemsOf({ actions: null }).join('\n'), /actions: .*missing/)
})

test('an empty text is a value, also where none may be', () => {
  const insert = { key: 'k', action: 'insert', value: '' }
  const convert = { key: 'k', action: 'convert', converted_type: 'int', value: '' }

  assert.deepEqual(problemsOf({ actions: [insert] }), [])
  assert.match(problemsOf({ actions: [convert] }).join('\n'), /value: .*not used by convert/)
})

test('tells all that is wrong at once', () => {
  const actions = [{ action: 'insert' }, { key: 'k', action: 'convert' }]

  const problems = problemsOf({ actions, exclude: { match_type: 'strict' } })

  assert.equal(problems.length, 4)
})

function create(signal: Signal, include: object): void {
  const config = spec.schema.parse({ actions: [GOOD], include })
  const context = { ...fakeServices(), id: 'attributes', config, signals: [signal] }
  new AttributesProcessor(context, new CollectingConsumer())
}

test('does not start in pipelines of a signal that its properties do not fit', () => {
  const services = { match_type: 'strict', services: ['shop'] }
  const bodies = { match_type: 'strict', log_bodies: ['x'] }

  create('traces', services)
  create('logs', bodies)
  assert.throws(() => create('logs', services), /include has services.*logs/)
  assert.throws(() => create('metrics', services), /metrics/)
  assert.throws(() => create('traces', bodies), /log_bodies/)
})
