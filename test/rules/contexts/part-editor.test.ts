/** Passes over whole requests: what rules write is what protobufjs reads afterwards, and nothing else changes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { END, ROW } from '../../../src/otlp/request-index.ts'
import type { Selection } from '../../../src/otlp/selection.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import { Edits } from '../../../src/otlp/splice.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import type { ContextName, PathSegment, ResolvedPath } from '../../../src/rules/context.ts'
import type { Cursor } from '../../../src/rules/contexts/cursor.ts'
import { contextSpec, contextsOf } from '../../../src/rules/contexts/index.ts'
import { type EditedPart, PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { encode } from '../../otlp/oracle.ts'
import {
  arbitraryRequest,
  decodeRequest,
  filterRequest,
  listItems,
  type Model,
  type Request,
  requestOf,
} from '../../otlp/request-models.ts'
import { arbitraryTree } from '../../otlp/wire-tree.ts'

const ITEM_CONTEXT: Readonly<Record<Signal, ContextName>> = {
  traces: 'span',
  metrics: 'datapoint',
  logs: 'log',
}

function partOf({ bytes, index }: Request, selection: Selection | null = null) {
  const items = selection === null ? index.items : selection.count
  return { payload: { bytes }, index, selection, edits: null, items }
}

function edit(
  request: Request,
  work: (editor: PartEditor) => void,
  selection: Selection | null = null,
): EditedPart {
  const editor = new PartEditor(request.signal)
  editor.open(partOf(request, selection), NO_CONTEXT)
  work(editor)
  return editor.finish()
}

function encoded(request: Request, edited: EditedPart): Uint8Array {
  return flatten(encodeParts([{ ...partOf(request), ...edited }]))
}

function path(context: ContextName, text: string): ResolvedPath {
  const segments: PathSegment[] = text.split('.').map(part => {
    const [name, key] = part.split(':')
    return { name, keys: key === undefined ? [] : [{ kind: 'string', value: key }] }
  })
  const found = contextSpec(context).resolve(segments)
  assert.ok(found, text)
  return found
}

/** One change of an attribute: where, which key, and the new text; null = removed. */
interface Change {
  readonly place: string
  readonly key: string
  readonly text: string | null
  /** Every how many items. */
  readonly step: number
}

const arbitraryChange: fc.Arbitrary<Change> = fc.record({
  place: fc.constantFrom('attributes', 'resource.attributes', 'scope.attributes'),
  key: fc.constantFrom('', 'a', 'key', 'ключ', 'k'.repeat(130)),
  text: fc.option(fc.oneof(fc.string(), fc.constant('x'.repeat(300)))),
  step: fc.integer({ min: 1, max: 4 }),
})

/** The list in which a change's attribute stands, made when it is not there. */
function attributesIn(change: Change, levels: readonly Model[]): Model[] {
  const level = change.place.startsWith('resource') ? 0 : 1
  const owner =
    change.place === 'attributes'
      ? levels[levels.length - 1]
      : (levels[level][['resource', 'scope'][level]] ??= {})
  owner.attributes ??= []
  return owner.attributes
}

function changeModel(change: Change, levels: readonly Model[]): void {
  const list = attributesIn(change, levels)
  const at = list.findIndex(pair => (pair.key ?? '') === change.key)
  if (change.text === null) {
    if (at >= 0) list.splice(at, 1)
    return
  }
  const pair = { key: change.key, value: { stringValue: change.text } }
  if (at < 0) list.push(pair)
  else list[at] = pair
}

/** Without what protobuf cannot tell from absence. */
function plain(model: Model): Model {
  if (model === null || typeof model !== 'object' || Buffer.isBuffer(model)) return model
  if (Array.isArray(model)) return model.map(plain)
  const fields = Object.entries(model).map(([name, value]) => [name, plain(value)] as const)
  const isNothing = (name: string, value: Model) =>
    (Array.isArray(value) && value.length === 0) ||
    (['resource', 'scope'].includes(name) && Object.keys(value).length === 0) ||
    (name === 'key' && value === '')
  return Object.fromEntries(fields.filter(([name, value]) => !isNothing(name, value)))
}

for (const signal of SIGNALS) {
  test(`changes attributes around and in ${signal} items as a plain model does`, () => {
    const changes = fc.array(arbitraryChange, { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(arbitraryRequest(signal), changes, fc.boolean(), (request, list, inPasses) => {
        const context = ITEM_CONTEXT[signal]
        const model = decodeRequest(signal, request.bytes)
        const items = listItems(signal, model)
        const targets = list.map(change => path(context, change.place))
        const apply = (change: Change, i: number, scope: Cursor, at: number): void => {
          if (at % change.step !== 0) return
          const keyed = targets[i].keyed!
          if (change.text === null) keyed.deleteKey(scope, change.key)
          else keyed.setKey(scope, change.key, change.text)
          changeModel(change, items[at])
        }

        const edited = edit(request, editor => {
          const groups = inPasses ? list.map((_, i) => [i]) : [list.map((_, i) => i)]
          for (const group of groups) {
            let at = 0
            editor.each(context, scope => {
              for (const i of group) apply(list[i], i, scope, at)
              at++
            })
          }
        })

        assert.deepEqual(plain(decodeRequest(signal, encoded(request, edited))), plain(model))
      }),
      { numRuns: 80 },
    )
  })

  test(`drops ${signal} items while it changes them`, () => {
    fc.assert(
      fc.property(arbitraryRequest(signal), fc.nat(), (request, mask) => {
        const name = path(ITEM_CONTEXT[signal], 'attributes')
        const isDropped = (i: number) => (mask & (1 << (i % 30))) !== 0
        const model = decodeRequest(signal, request.bytes)
        for (const levels of listItems(signal, model)) {
          changeModel({ place: 'attributes', key: 'n', text: 'v', step: 1 }, levels)
        }

        const edited = edit(request, editor => {
          let at = 0
          editor.each(ITEM_CONTEXT[signal], scope => {
            name.keyed!.setKey(scope, 'n', 'v')
            if (isDropped(at++)) editor.drop(scope)
          })
        })

        const expected = filterRequest(signal, model, i => !isDropped(i))
        assert.deepEqual(plain(decodeRequest(signal, encoded(request, edited))), plain(expected))
      }),
      { numRuns: 60 },
    )
  })

  test(`reads every path of ${signal} from any bytes and leaves them as they are`, () => {
    fc.assert(
      fc.property(arbitraryRequest(signal), request => {
        const edited = edit(request, editor => {
          for (const context of contextsOf(signal)) {
            const spec = contextSpec(context)
            const paths = spec.paths.map(name => path(context, name))
            editor.each(context, scope => {
              for (const each of paths) each.get(scope)
            })
          }
        })

        const { items } = request.index
        assert.deepEqual(edited, { selection: null, edits: null, items, chunks: [] })
      }),
      { numRuns: 40 },
    )
  })

  test(`puts one field into one ${signal} item and keeps all other bytes, unknown fields too`, () => {
    fc.assert(
      fc.property(arbitraryTree({ signal, edited: false }), fc.nat(), (tree, pick) => {
        const { index, bytes } = tree
        fc.pre(index.items > 0)
        const item = pick % index.items
        const rows = index.levels[index.levels.length - 1]
        const end = rows[item * ROW + END]
        const context = ITEM_CONTEXT[signal]
        const target = path(context, 'attributes')

        let at = 0
        let number = 0
        const edited = edit({ signal, bytes, index }, editor => {
          editor.each(context, scope => {
            if (at++ !== item) return
            number =
              signal === 'traces' ? 9 : signal === 'logs' ? 6 : [7, 7, 9, 1, 7][kindOf(scope)]
            target.keyed!.setKey(scope, 'new.key', 'value')
          })
        })

        const field = new Writer().begin(number).string(1, 'new.key')
        field.begin(2).string(1, 'value').end().end()
        const expected = new Edits()
        expected.add(end, end, field.finish())
        const part = { ...partOf({ signal, bytes, index }), edits: expected }
        const actual = encoded({ signal, bytes, index }, edited)
        assert.ok(Buffer.from(flatten(encodeParts([part]))).equals(actual))
      }),
      { numRuns: 100 },
    )
  })
}

function kindOf(scope: Cursor): number {
  return [5, 7, 9, 10, 11].indexOf(scope.dataKind)
}

function request(signal: Signal, name: string, model: object): Request {
  return requestOf(signal, encode(name, model))
}

test('drops a metric and a resource that were empty from the start, and keeps those that were not dropped', () => {
  const empty = request('metrics', 'MetricsRequest', {
    resourceMetrics: [
      { schemaUrl: 'first' },
      { scopeMetrics: [{ metrics: [{ name: 'a', gauge: {} }, { name: 'b' }] }] },
      { schemaUrl: 'last', scopeMetrics: [{ metrics: [{ name: 'a' }] }] },
    ],
  })
  const name = path('metric', 'name')
  const url = path('resource', 'schema_url')

  const edited = edit(empty, editor => {
    editor.each('resource', scope => {
      if (url.get(scope) === 'first') editor.drop(scope)
    })
    editor.each('metric', scope => {
      if (name.get(scope) === 'a') editor.drop(scope)
    })
  })

  assert.deepEqual(decodeRequest('metrics', encoded(empty, edited)), {})
})

test('keeps an empty group beside one that is dropped when something in their parent is left', () => {
  const mixed = request('metrics', 'MetricsRequest', {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              { name: 'gone', gauge: {} },
              { name: 'kept' },
              { name: 'full', sum: { dataPoints: [{ asInt: '1' }] } },
            ],
          },
        ],
      },
    ],
  })
  const name = path('metric', 'name')

  const edited = edit(mixed, editor => {
    editor.each('metric', scope => {
      if (name.get(scope) === 'gone') editor.drop(scope)
      else name.set(scope, `${name.get(scope)}!`)
    })
  })

  const [resource] = decodeRequest('metrics', encoded(mixed, edited)).resourceMetrics
  assert.deepEqual(resource.scopeMetrics[0].metrics, [
    { name: 'kept!' },
    { name: 'full!', sum: { dataPoints: [{ asInt: '1' }] } },
  ])
})

test('removes events one by one and changes those that stay', () => {
  const spans = request('traces', 'TracesRequest', {
    resourceSpans: [
      {
        scopeSpans: [
          { spans: [{ name: 's', events: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }] },
        ],
      },
    ],
  })
  const name = path('spanevent', 'name')
  const index = path('spanevent', 'event_index')
  const seen: unknown[] = []

  const edited = edit(spans, editor => {
    editor.each('spanevent', scope => {
      seen.push(index.get(scope))
      if (name.get(scope) === 'b') editor.drop(scope)
      else path('spanevent', 'attributes:i').set(scope, index.get(scope))
    })
  })

  const [{ scopeSpans }] = decodeRequest('traces', encoded(spans, edited)).resourceSpans
  assert.deepEqual(seen, [0n, 1n, 2n])
  assert.deepEqual(scopeSpans[0].spans[0].events, [
    { name: 'a', attributes: [{ key: 'i', value: { intValue: '0' } }] },
    { name: 'c', attributes: [{ key: 'i', value: { intValue: '2' } }] },
  ])
})

test('finds the last of two keys in one pair, as a receiver reads it', () => {
  const attribute = new Writer().begin(9).string(1, 'harmless').string(1, 'card')
  attribute.begin(2).string(1, '4111').end().end()
  const span = attribute.finish()
  const bytes = new Writer().begin(1).begin(2).begin(2).raw(span).end().end().end().finish()
  const doubled = requestOf('traces', bytes)
  const values: unknown[] = []

  edit(doubled, editor => {
    editor.each('span', scope => {
      values.push(path('span', 'attributes:card').get(scope))
      values.push(path('span', 'attributes:harmless').get(scope))
    })
  })

  assert.deepEqual(values, ['4111', null])
})

test('merges a resource that was sent in two pieces before it changes it', () => {
  const piece = (key: string) => {
    const writer = new Writer().begin(1).begin(1).string(1, key)
    return writer.begin(2).string(1, key).end().end().end().finish()
  }
  const group = new Writer().begin(1).raw(piece('a')).begin(2).begin(2).end().end()
  const bytes = group.raw(piece('b')).end().finish()
  const split = requestOf('traces', bytes)

  const edited = edit(split, editor => {
    editor.each('resource', scope => path('resource', 'attributes:b').set(scope, 'new'))
  })

  const [{ resource }] = decodeRequest('traces', encoded(split, edited)).resourceSpans
  assert.deepEqual(resource.attributes, [
    { key: 'a', value: { stringValue: 'a' } },
    { key: 'b', value: { stringValue: 'new' } },
  ])
})

test('gives up on a span whose events would take hours', () => {
  const event = new Writer().begin(11).string(2, 'e').end().finish()
  const span = Buffer.concat(new Array(300_000).fill(event))
  const bytes = new Writer().begin(1).begin(2).bytes(2, span).end().end().finish()
  const huge = requestOf('traces', bytes)
  const name = path('spanevent', 'name')
  const lookup = path('spanevent', 'span.attributes:a')
  const started = performance.now()

  assert.throws(() => {
    edit(huge, editor => {
      editor.each('spanevent', scope => name.set(scope, 'a longer name'))
    })
  }, /too much work/)
  assert.throws(() => {
    edit(huge, editor => {
      editor.each('spanevent', scope => lookup.get(scope))
    })
  }, /too much work/)
  assert.ok(performance.now() - started < 30_000)
})

test('refuses to grow one value without bound', () => {
  const one = request('traces', 'TracesRequest', {
    resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'x'.repeat(1000) }] }] }],
  })
  const name = path('span', 'name')

  assert.throws(() => {
    edit(one, editor => {
      editor.each('span', scope => {
        for (let i = 0; i < 40; i++) {
          const text = name.get(scope) as string
          name.set(scope, text + text)
        }
      })
    })
  }, /too (?:large|much)/)
})
