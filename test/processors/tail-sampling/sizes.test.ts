/** `TraceSizes`: each trace is as large as the request that would be written for it alone. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { TraceSizes } from '../../../src/processors/tail-sampling/sizes.ts'
import { batchOfJson, text } from '../request-batch.ts'
import { spanOf } from './harness.ts'

/** Requests as resources of scopes of spans: the number of the trace of each. */
const requests = fc.array(
  fc.array(fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 }), { maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  }),
  { minLength: 1, maxLength: 4 },
)

test('adds up to requests with only one trace', () => {
  fc.assert(
    fc.property(requests, fc.integer({ min: 0, max: 300 }), (list, padding) => {
      const sizes = new TraceSizes()
      for (const trace of [0, 1, 2, 3]) sizes.begin(trace)
      const expected = [0, 0, 0, 0]
      for (const request of list) {
        const spans = request.flat(2)
        const whole = bytesOf(request, padding, null)
        sizes.open({ ...whole.parts[0] })
        for (const [item, trace] of spans.entries()) sizes.add(trace, item)
        for (const trace of new Set(spans)) {
          expected[trace] += bytesOf(request, padding, trace).bytes
        }
      }
      assert.deepEqual(
        [0, 1, 2, 3].map(trace => (expected[trace] === 0 ? 0 : sizes.bytes(trace))),
        expected,
      )
    }),
  )
})

function bytesOf(
  request: readonly (readonly (readonly number[])[])[],
  padding: number,
  only: number | null,
) {
  const isIn = (trace: number): boolean => only === null || trace === only
  const resourceSpans = request.flatMap(scopes => {
    const scopeSpans = scopes.flatMap(traces => {
      const spans = traces.filter(isIn).map(trace => ({
        ...spanOf({ trace, attributes: [text('pad', 'x'.repeat(padding))] }),
        spanId: '0000000000000001',
      }))
      return spans.length === 0 ? [] : [{ scope: { name: 'scope' }, spans }]
    })
    const resource = { attributes: [text('service.name', 'x'.repeat(padding))] }
    return scopeSpans.length === 0 ? [] : [{ resource, scopeSpans }]
  })
  return batchOfJson('traces', { resourceSpans })
}
