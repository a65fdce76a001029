/** Run by slots.test.ts with --expose-gc: scans a large request to its end and prints how much memory stands outside the heap then. */
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { compileSlotTable, SlotRows } from '../../../src/otlp/kernel/slots.ts'

const MIB = 1 << 20
const SPANS = 50_000

const table = compileSlotTable('traces', 2, [{ path: ['attributes'], key: 'url.path' }])
const resources = compileSlotTable('traces', 0, [{ path: ['schemaUrl'] }])
const readers = [new SlotRows(table), new SlotRows(resources)]
let request: Uint8Array | null = corpusRequest('traces', { items: SPANS })
const size = request.length
scan(request)
request = null
// What a weak reference pointed to in this turn of the event loop lives until the turn is over.
await new Promise(resolve => setImmediate(resolve))
for (let i = 0; i < 3; i++) globalThis.gc?.()
const { external, arrayBuffers } = process.memoryUsage()
process.stdout.write(
  JSON.stringify({
    request: Math.round(size / MIB),
    afterwards: Math.round((external + arrayBuffers) / MIB),
  }),
)

function scan(bytes: Uint8Array): void {
  const index = indexRequest('traces', bytes)
  if (!('items' in index)) throw new Error(JSON.stringify(index))
  for (const reader of readers) {
    reader.open(bytes, index)
    const rows = reader.table.level === 0 ? 1 : index.items
    for (let row = 0; row < rows; row++) reader.at(row)
    reader.close()
  }
}
