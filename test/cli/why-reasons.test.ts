/** Every reason that the code can give for letting items go, or for telling a sender no, has a text in `millrace why`. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import { explainDrop, explainRefusal } from '../../src/cli/why/reasons.ts'

const SRC = join(import.meta.dirname, '../../src')

/** Folders in which a reason is something else: of a fault in a file, of a kept trace, of a cut connection. */
const ELSEWHERE = /^(cli|config|rules|sampler|net\/(?!kafka\/)|otlp\/kernel\/assembly)/
/** Calls that book, by the place of the reason in them. */
const CALLS: Readonly<Record<string, number>> = {
  ...{ overQuota: 0, denied: 0, '#bookLost': 1 },
  ...{ unaccepted: 3, turnedAway: 1, turnAway: 1, letGo: 1, bookDrop: 2, givenUp: 1, lose: 1 },
  ...{ dropped: 1, '#drop': 1, '#dropWaiting': 0, refuse: 1, '#refuse': 1, retryLater: 1 },
  ...{ 'refusals.add': 0, 'departures.drop': 1, 'servicegraph.drop': 0, 'spanmetrics.drop': 0 },
}
/** Of all types that are called so, those whose words are booked or stand in letters. */
const TYPES = new Set([
  ...['core/identity.ts AuthReason', 'core/outcome.ts RefusalCode', 'core/outcome.ts BusyCause'],
  ...['processors/tail-sampling/departures.ts DropReason'],
  ...['exporters/prometheus/accumulator.ts Reason'],
  ...['receivers/otlp-json-file/metrics.ts LeftOut'],
])
const TABLES = new Set([
  ...['net/kafka/errors.ts FINAL', 'exporters/zipkin/exporter.ts REASONS'],
  ...['exporters/sending/grpc-destination.ts REASONS'],
])
/** Words in such places that no book and no letter ever shows. */
const UNSEEN = new Set([
  ...['traces', 'metrics', 'logs'],
  // Labels of metrics alone: packets that the kernel let go, lines of signals that nobody wants.
  ...['socket_buffer', 'no_pipeline'],
  // Of a write to disk that failed; the sender is told a cause, the book `storage_full`.
  ...['busy', 'error'],
])
const WORD = /^[a-z]+(_[a-z]+)*$/

function readReasons(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const file of readdirSync(SRC, { recursive: true }) as string[]) {
    if (!file.endsWith('.ts') || ELSEWHERE.test(file)) continue
    const source = ts.createSourceFile(
      file,
      readFileSync(join(SRC, file), 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    )
    const visit = (node: ts.Node): void => {
      for (const word of reasonsAt(node, file)) {
        if (WORD.test(word) && !UNSEEN.has(word)) found.set(word, file)
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found
}

function reasonsAt(node: ts.Node, file: string): string[] {
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'reason') {
    return wordsOf(node.initializer)
  }
  if (ts.isVariableDeclaration(node) && node.initializer !== undefined) {
    const name = node.name.getText()
    if (name === 'reason' || name.endsWith('_REASON')) return wordsOf(node.initializer)
    return TABLES.has(`${file} ${name}`) ? literalsIn(node.initializer) : []
  }
  if (ts.isCallExpression(node)) {
    const place = placeOf(node.expression, file)
    return place === undefined ? [] : wordsOf(node.arguments[place])
  }
  if (ts.isTypeAliasDeclaration(node) && TYPES.has(`${file} ${node.name.text}`)) {
    return literalsIn(node.type)
  }
  const isNamed = ts.isFunctionDeclaration(node) && node.name?.text === 'reasonOf'
  return isNamed ? returnedBy(node.body!) : []
}

/** By the name that is called, by that with its object, or with its folder where it stands alone. */
function placeOf(called: ts.Expression, file: string): number | undefined {
  const names = called
    .getText()
    .replaceAll('this.#options.', '')
    .split(/[.?!]+/)
  const last = names.at(-1)!
  const folder = file.split('/').at(-2)
  const object = names.at(-2)?.replace('#', '')
  return CALLS[last] ?? CALLS[`${object}.${last}`] ?? CALLS[`${folder}.${last}`]
}

/** Literals that an expression may come to. */
function wordsOf(node: ts.Expression | undefined): string[] {
  if (node === undefined) return []
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (ts.isConditionalExpression(node)) {
    return [...wordsOf(node.whenTrue), ...wordsOf(node.whenFalse)]
  }
  if (ts.isBinaryExpression(node)) return [...wordsOf(node.left), ...wordsOf(node.right)]
  return ts.isParenthesizedExpression(node) ? wordsOf(node.expression) : []
}

function returnedBy(node: ts.Node): string[] {
  const found = ts.isReturnStatement(node) ? wordsOf(node.expression) : []
  ts.forEachChild(node, child => {
    found.push(...returnedBy(child))
  })
  return found
}

function literalsIn(node: ts.Node): string[] {
  const found = ts.isStringLiteralLike(node) ? [node.text] : []
  ts.forEachChild(node, child => {
    found.push(...literalsIn(child))
  })
  return found
}

test('every reason in the code has a text', () => {
  const reasons = readReasons()

  for (const known of ['bad_topic', 'unencodable', 'too_many_edges', 'retries_exhausted']) {
    assert.ok(reasons.has(known), `${known} is not found any more: the search is blind`)
  }
  const silent = [...reasons].filter(([reason]) => explainDrop(reason) === reason)
  assert.deepEqual(silent, [])
})

test('a reason is told in words, with its name behind them', () => {
  assert.match(explainDrop('bad_topic'), /topic.*\(bad_topic\)$/)
  assert.match(explainDrop('unencodable'), /encoding.*\(unencodable\)$/)
  assert.match(explainDrop('daily_items'), /\(daily_items\)$/)
  assert.equal(explainRefusal('a rule of mine'), 'a rule of mine')
  assert.equal(explainRefusal('filtered'), 'filtered')
})
