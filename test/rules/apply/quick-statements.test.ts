/** Edits told in advance: on items of any form they make the same bytes as the general way, alone and before later passes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { encodedSize, encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { compileQuick, type QuickGroup } from '../../../src/rules/apply/quick-statements.ts'
import { compileCondition, compileStatement } from '../../../src/rules/compile.ts'
import { contextSpec } from '../../../src/rules/contexts/index.ts'
import { type EditedPart, PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { runSequence, type SequenceOptions, testSequence } from '../../../src/rules/sequence.ts'
import { BufferPool } from '../../../src/util/buffer-pool.ts'
import { varint } from '../../otlp/wire-tree.ts'

const options = { context: contextSpec('span'), functions: standardFunctions }
const PROPAGATE: SequenceOptions = { errorMode: 'propagate', onError: () => {} }

const field = (number: number, content: readonly number[], padding = 0): number[] => [
  ...varint(number * 8 + 2),
  ...varint(content.length, padding),
  ...content,
]

const text = (value: string): number[] => [...Buffer.from(value)]

const KEYS = ['a', 'b', 'ab', '', 'client.address', 'k'.repeat(100)]
const key = fc.constantFrom(...KEYS)

const anyValue: fc.Arbitrary<number[]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('x', 'y', '', '10.0.0.1', 'é').map(t => field(1, text(t))),
  },
  fc.constantFrom(130, 300).map(length => field(1, text('1.2'.repeat(length)))),
  fc.constantFrom<number[]>(
    [0x10, 1],
    [0x18, 5],
    [0x18, 0x80, 1],
    [0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
  ),
  fc.constantFrom<number[]>([], [0x2a, 0], [0x32, 0], [0x3a, 0], [0x18, 5, 0x0a, 1, 0x78]),
)

/** As senders write it, and in forms that mean the same and nobody writes. */
const pair: fc.Arbitrary<number[]> = fc
  .tuple(key, anyValue, fc.integer({ min: 0, max: 30 }), key)
  .map(([name, value, form, other]) => {
    const content = [...field(1, text(name)), ...field(2, value)]
    if (form === 1) return field(9, [...field(2, value), ...field(1, text(name))])
    if (form === 2) return field(9, [...content, ...field(1, text(other))])
    if (form === 3) return field(9, field(1, text(name)))
    if (form === 4) return field(9, content, 1)
    if (form === 5) return field(9, [...field(1, text(name), 1), ...field(2, value, 1)])
    if (form === 6) return [0xca, 0x00, ...varint(content.length), ...content]
    return field(9, content)
  })

const itemField: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 8, arbitrary: pair },
  { weight: 2, arbitrary: fc.constantFrom('one', '', 'n'.repeat(200)).map(t => field(5, text(t))) },
  { weight: 2, arbitrary: fc.constantFrom(0, 2, 3).map((kind): number[] => [0x30, kind]) },
  fc.constant<number[]>([0x30, 0x82, 0]),
  fc.constant(field(1, new Array<number>(16).fill(0x0a))),
  fc.constantFrom([0x39, 1, 2, 3, 4, 5, 6, 7, 8], [0x85, 1, 1, 2, 3, 4], field(13, [0x4a, 0])),
  fc.constantFrom([0xa3, 6, 0x08, 5, 0xa4, 6], [0xa0, 6, 7], field(100, [0x4a, 1, 1])),
)

const item = fc.array(itemField, { maxLength: 8 }).map(fields => fields.flat())

const request: fc.Arbitrary<Uint8Array> = fc
  .array(fc.array(item, { maxLength: 4 }), { minLength: 1, maxLength: 3 })
  .map(scopes => {
    const groups = scopes.map(items =>
      field(2, [...items.flatMap(each => field(2, each)), ...field(3, text('schema'))]),
    )
    return Uint8Array.from(field(1, [...field(1, field(1, field(1, text('r')))), ...groups.flat()]))
  })

const quoted = (value: string): string => JSON.stringify(value)

const comparison = fc.oneof(
  fc.constantFrom('kind == SPAN_KIND_SERVER', 'kind != 3', 'span.kind == 0'),
  key.map(name => `attributes[${quoted(name)}] == "x"`),
  key.map(name => `attributes[${quoted(name)}] != "y"`),
  key.map(name => `attributes[${quoted(name)}] == nil`),
  key.map(name => `span.attributes[${quoted(name)}] != nil`),
)

const condition: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: comparison },
  fc.tuple(comparison, fc.constantFrom('and', 'or'), comparison).map(parts => parts.join(' ')),
  comparison.map(each => `not (${each})`),
)

const edit = fc.oneof(
  fc
    .tuple(
      key,
      fc.constantFrom('"x"', '"y"', '""', '5', '-1', '1.5', 'true', `"${'v'.repeat(150)}"`),
    )
    .map(([name, value]) => `set(attributes[${quoted(name)}], ${value})`),
  fc.constantFrom('set(name, "other")', 'set(span.name, "one")'),
  key.map(name => `delete_key(attributes, ${quoted(name)})`),
  fc
    .tuple(
      key,
      fc.constantFrom(
        '"^(\\\\d+)\\\\..*", "$1.x"',
        '"^x$", "changed"',
        `"^1", "${'z'.repeat(140)}"`,
      ),
    )
    .map(([name, rest]) => `replace_pattern(attributes[${quoted(name)}], ${rest})`),
)

const statement = fc
  .tuple(edit, fc.option(condition))
  .map(([text, where]) => (where === null ? text : `${text} where ${where}`))

const group: fc.Arbitrary<QuickGroup> = fc.record({
  statements: fc.array(statement, { minLength: 1, maxLength: 4 }),
  conditions: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    fc.array(condition, { maxLength: 2 }),
  ),
})

const groups = fc.array(group, { minLength: 1, maxLength: 2 })

function compiled({ statements, conditions }: QuickGroup): (scope: unknown) => void {
  const tests = conditions.map(each => compileCondition(each, options))
  const edits = statements.map(each => compileStatement(each, options))
  return scope => {
    if (tests.length > 0 && !testSequence(tests, 'or', scope, PROPAGATE)) return
    runSequence(edits, scope, PROPAGATE)
  }
}

function partOf(bytes: Uint8Array, mask: number | null) {
  const index = indexRequestReference('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  if (mask === null)
    return { payload: { bytes }, index, selection: null, edits: null, items: index.items }
  const selection = Selection.all(index.items)
  for (let i = 0; i < index.items; i++) if ((mask & (1 << i)) !== 0) selection.clear(i)
  return { payload: { bytes }, index, selection, edits: null, items: selection.count }
}

type PartToEdit = ReturnType<typeof partOf>

function run(part: PartToEdit, work: (editor: PartEditor) => void): EditedPart {
  const editor = new PartEditor('traces', new BufferPool(1 << 20))
  editor.open(part, NO_CONTEXT)
  work(editor)
  return editor.finish()
}

function encoded(part: PartToEdit, edited: EditedPart): string {
  const parts = [{ ...part, ...edited }]
  const bytes = flatten(encodeParts(parts))
  assert.equal(encodedSize(parts), bytes.length)
  return Buffer.from(bytes).toString('hex')
}

const mask = fc.option(fc.nat({ max: 4095 }))

test('makes the same bytes as the general way of items in any form', () => {
  fc.assert(
    fc.property(request, groups, mask, (bytes, list, skipped) => {
      const part = partOf(bytes, skipped)
      const visits = list.map(compiled)
      const program = compileQuick(list, 'span')
      assert.ok(program)

      const general = run(part, editor => {
        for (const visit of visits) editor.each('span', visit)
      })
      const quick = run(part, editor => {
        editor.eachQuick('span', program, scope => {
          for (const visit of visits) visit(scope)
        })
      })

      assert.equal(encoded(part, quick), encoded(part, general))
    }),
    { numRuns: 400 },
  )
})

test('shows what it changed to the passes that follow, whatever they change', () => {
  const resource = compileStatement('set(resource.attributes["seen"], "yes")', options)
  fc.assert(
    fc.property(request, groups, groups, fc.nat(), (bytes, first, second, pick) => {
      const part = partOf(bytes, null)
      const visits = first.map(compiled)
      const later = second.map(compiled)
      const [program, again] = [compileQuick(first, 'span'), compileQuick(second, 'span')]
      assert.ok(program && again)
      const rest = (editor: PartEditor, isQuick: boolean): void => {
        let at = 0
        editor.each('span', scope => {
          if (at++ % 3 === pick % 3) for (const visit of later) visit(scope)
          if (at % 2 === pick % 2) resource.run(scope)
        })
        const visit = (scope: unknown): void => {
          for (const each of later) each(scope)
        }
        if (isQuick) editor.eachQuick('span', again, visit)
        else editor.each('span', visit)
      }

      const general = run(part, editor => {
        for (const visit of visits) editor.each('span', visit)
        rest(editor, false)
      })
      const quick = run(part, editor => {
        editor.eachQuick('span', program, scope => {
          for (const visit of visits) visit(scope)
        })
        rest(editor, true)
      })

      assert.equal(encoded(part, quick), encoded(part, general))
    }),
    { numRuns: 300 },
  )
})

test('does the usual items without the general way', () => {
  const span = (kind: number): number[] =>
    field(2, [
      ...field(5, text('GET /cart')),
      0x30,
      kind,
      ...field(9, [...field(1, text('client.address')), ...field(2, field(1, text('10.1.2.3')))]),
      ...field(9, [...field(1, text('agent')), ...field(2, field(1, text('curl')))]),
    ])
  const bytes = Uint8Array.from(field(1, field(2, [...span(2), ...span(3)])))
  const part = partOf(bytes, null)
  const statements = [
    'set(attributes["tenant"], "shop")',
    'replace_pattern(attributes["client.address"], "^(\\\\d+\\\\.\\\\d+)\\\\..*", "$1.x.x")',
    'delete_key(attributes, "agent") where kind == SPAN_KIND_SERVER',
  ]
  const program = compileQuick([{ statements, conditions: [] }], 'span')
  assert.ok(program)
  let left = 0

  const edited = run(part, editor => editor.eachQuick('span', program, () => left++))

  assert.equal(left, 0)
  const visit = compiled({ statements, conditions: [] })
  const general = run(part, editor => editor.each('span', visit))
  assert.equal(encoded(part, edited), encoded(part, general))
})

test('gives nothing to encode when the items are as the statements want them', () => {
  const pairOf = field(9, [...field(1, text('a')), ...field(2, field(1, text('x')))])
  const bytes = Uint8Array.from(field(1, field(2, field(2, pairOf))))
  const statements = ['set(attributes["a"], "x")', 'delete_key(attributes, "b")']
  const program = compileQuick([{ statements, conditions: [] }], 'span')
  assert.ok(program)

  const edited = run(partOf(bytes, null), editor =>
    editor.eachQuick('span', program, () => assert.fail()),
  )

  assert.deepEqual(edited, { selection: null, edits: null, items: 1, chunks: [] })
})

for (const text of [
  'set(attributes["a"], attributes["b"])',
  'set(attributes["a"]["b"], "x")',
  'set(attributes["a"], nil)',
  'set(resource.attributes["a"], "x")',
  'set(name, "")',
  'set(kind, 2)',
  'delete_key(resource.attributes, "a")',
  'delete_key(attributes, attributes["a"])',
  'replace_pattern(attributes["a"], "b+", "c")',
  'set(attributes["a"], "x") where IsMatch(name, "x")',
  'set(attributes["a"], "x") where resource.attributes["a"] == "x"',
  'set(attributes["a"], "x") where kind == 2.0',
  'set(attributes["a"], "x") where start_time_unix_nano == 0',
]) {
  test(`leaves ${text} to the general way`, () => {
    assert.ok(compileStatement(text, options))
    assert.equal(compileQuick([{ statements: [text], conditions: [] }], 'span'), null)
  })
}

test('knows no form of what stands in metrics and inside of spans', () => {
  const statements = ['set(attributes["a"], "x")']
  assert.equal(compileQuick([{ statements, conditions: [] }], 'datapoint'), null)
  assert.equal(compileQuick([{ statements, conditions: [] }], 'spanevent'), null)
  assert.ok(compileQuick([{ statements, conditions: [] }], 'log'))
})
