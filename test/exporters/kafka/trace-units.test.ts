/** A record for each trace: which items it has, and that its bytes are those of encoding them alone. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { TraceUnits } from '../../../src/exporters/kafka/trace-units.ts'
import { type EncodePart, encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { LogsView } from '../../../src/otlp/logs-view.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { TracesView } from '../../../src/otlp/traces-view.ts'

const SIGNALS = ['traces', 'logs'] as const

function partOf(signal: 'traces' | 'logs', seed: number, isThinned: boolean): EncodePart {
  const bytes = corpusRequest(signal, { items: 200, seed })
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  let selection: Selection | null = null
  if (isThinned) {
    selection = Selection.all(index.items)
    for (let item = 0; item < index.items; item += 3) selection.clear(item)
  }
  const items = selection?.count ?? index.items
  return { payload: { bytes }, index, selection, edits: null, items }
}

/** The trace id of each item. */
function idsOf(signal: 'traces' | 'logs', { payload, index }: EncodePart): string[] {
  const view = signal === 'traces' ? new TracesView() : new LogsView()
  view.reset(payload.bytes, index)
  return Array.from({ length: index.items }, (_, item) => view.moveTo(item).traceId)
}

function alone(signal: 'traces' | 'logs', part: EncodePart, id: string): EncodePart {
  const selection = Selection.none(part.index.items)
  for (const [item, own] of idsOf(signal, part).entries()) {
    if (own === id && part.selection?.has(item) !== false) selection.set(item)
  }
  return { ...part, selection, items: selection.count }
}

const bytesOf = (parts: readonly EncodePart[]): number[] => [...flatten(encodeParts(parts))]

for (const signal of SIGNALS) {
  test(`${signal} of several requests are put together by trace, those that were filtered out left out`, () => {
    // Two of the three requests have the same traces.
    const parts = [partOf(signal, 1, true), partOf(signal, 2, false), partOf(signal, 1, false)]

    const units = new TraceUnits(signal).units(parts, 'spans')

    const ids = units.map(({ key }) => (key === null ? '' : Buffer.from(key).toString('latin1')))
    assert.deepEqual(new Set(ids), new Set(parts.flatMap(part => idsOf(signal, part))))
    assert.equal(new Set(ids).size, ids.length)
    for (const [i, unit] of units.entries()) {
      const expected = parts.map(part => alone(signal, part, ids[i])).filter(part => part.items > 0)
      assert.deepEqual(bytesOf(unit.parts), bytesOf(expected))
      assert.equal(
        unit.items,
        expected.reduce((sum, part) => sum + part.items, 0),
      )
    }
  })
}

test('a request of one trace is sent as it is', () => {
  const [first] = idsOf('traces', partOf('traces', 1, false))
  const part = alone('traces', partOf('traces', 1, false), first)

  const units = new TraceUnits('traces').units([part], 'spans')

  assert.equal(units.length, 1)
  assert.equal(units[0].parts[0], part)
})
