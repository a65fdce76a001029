/** `Registry`: what is loaded on demand, also when two ask at once. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Registry } from '../../src/core/registry.ts'
import { factory } from '../../src/processors/filter/factory.ts'

test('two that load the same component at once both find it', async () => {
  const declared = { kind: 'processor', types: ['filter'], load: async () => factory } as const
  const registry = new Registry([], [declared])

  assert.equal(registry.find('processor', 'filter'), undefined)
  await Promise.all([registry.loadWanted(), registry.loadWanted()])

  assert.equal(registry.find('processor', 'filter'), factory)
  assert.deepEqual(registry.all(), [factory])
})
