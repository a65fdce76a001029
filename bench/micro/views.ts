/**
 * Answers: what does looking at a span cost? Nanoseconds per span of a request of 512 spans with ten attributes each.
 *
 *   node --import tsx bench/micro/views.ts
 */
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { TracesView } from '../../src/otlp/traces-view.ts'
import { compareWays } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const bytes = corpusRequest('traces', { items: ITEMS })
const index = indexRequest('traces', bytes)
if (isWireFault(index)) throw new Error(index.fault)
const view = new TracesView()
view.reset(bytes, index)

/** So that no answer is computed for nobody. */
let sink = 0

console.log('ns per span')
compareWays(ITEMS, [
  ['move only', () => each(() => 0)],
  ['status code', () => each(() => view.span.statusCode)],
  ['name compared', () => each(() => Number(view.span.nameEquals('GET /cart')))],
  ['name, ids, times', () => each(readScalars)],
  ['first attribute compared', () => each(() => compareKey('http.request.method', 'GET'))],
  ['last attribute compared', () => each(() => compareKey('app.user.id', 'u-1'))],
  ['resource attribute compared', () => each(compareService)],
  ['all attributes as values', () => each(() => view.span.attributes.toMap().size)],
])
if (sink < 0) throw new Error('unreachable')

function each(read: () => number): void {
  for (let i = 0; i < ITEMS; i++) {
    view.moveTo(i)
    sink += read()
  }
}

function readScalars(): number {
  const { span } = view
  return span.name.length + span.traceId.length + span.spanId.length + Number(span.durationNano)
}

function compareKey(key: string, text: string): number {
  return Number(view.span.attributes.hasText(key, text))
}

function compareService(): number {
  return Number(view.resource.attributes.hasText('service.name', 'checkout'))
}
