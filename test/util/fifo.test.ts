/** The queue that does not shift arrays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fifo } from '../../src/util/fifo.ts'

test('gives back in order what was put in, like an array', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), pushes => {
      const fifo = new Fifo<number>()
      const model: number[] = []
      for (const [i, isPush] of pushes.entries()) {
        if (isPush) {
          fifo.push(i)
          model.push(i)
        } else assert.equal(fifo.shift(), model.shift())
        assert.equal(fifo.length, model.length)
      }
      assert.deepEqual([...fifo], model)
    }),
  )
})
