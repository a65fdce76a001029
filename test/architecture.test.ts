/** Guards the house: who may import whom, no run-time cycles, component folders in their fixed shape, files of readable size. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { BUILTINS } from './harness/builtins.ts'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const SRC = join(ROOT, 'src')
/** AssemblyScript is compiled by its own compiler under its own tsconfig; TypeScript's rules do not apply. */
const KERNEL_SOURCES = 'otlp/kernel/assembly/'
/** No components: what all of their kind are made with. */
const SHARED_FOLDERS = ['exporters/sending', 'receivers/intake']

const KIND_FOLDERS = ['receivers', 'processors', 'connectors', 'exporters', 'extensions']
const MAX_LINES = 500

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const FILES = listFiles(SRC)
  .map(file => relative(SRC, file))
  .filter(file => file.endsWith('.ts') && !file.startsWith(KERNEL_SOURCES))
const IMPORTS = FILES.flatMap(readImports)

test('imports point only where the rank table allows', () => {
  const wrong = IMPORTS.filter(edge => !mayImport(edge.from, edge.to))

  assert.deepEqual(
    wrong.map(edge => `${edge.from} -> ${edge.to}`),
    [],
  )
})

test('there is no run-time import cycle', () => {
  const next = new Map<string, string[]>(FILES.map(file => [file, []]))
  for (const edge of IMPORTS) if (!edge.typeOnly) next.get(edge.from)!.push(edge.to)

  assert.deepEqual(findCycle(next), [])
})

test('every component folder holds the same file set and is listed in builtins', () => {
  const listed = new Set(BUILTINS.map(f => `${f.kind}s/${f.meta.id.replaceAll('_', '-')}`))
  const folders = KIND_FOLDERS.flatMap(kind =>
    readdirSync(join(SRC, kind), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `${kind}/${entry.name}`)
      .filter(folder => !SHARED_FOLDERS.includes(folder)),
  )

  assert.deepEqual([...listed].sort(), [...folders].sort())
  for (const folder of folders) {
    const files = readdirSync(join(SRC, folder))
    const noun = folder.slice(0, folder.indexOf('/') - 1)
    for (const wanted of ['factory.ts', 'config.ts', `${noun}.ts`, 'README.md']) {
      assert.ok(files.includes(wanted), `${folder} has no ${wanted}`)
    }
  }
})

test('only the process edge ends the process', () => {
  const callers = FILES.filter(file =>
    /\bprocess\.exit\(/.test(readFileSync(join(SRC, file), 'utf8')),
  )

  assert.deepEqual(callers, ['main.ts'])
})

test('only builtins.ts names component folders', () => {
  const named = IMPORTS.filter(
    edge => isComponent(edge.to) && !isComponent(edge.from) && edge.from !== 'builtins.ts',
  )

  assert.deepEqual(
    named.map(edge => `${edge.from} -> ${edge.to}`),
    [],
  )
})

test('files stay under the hard limit and open with what lives there', () => {
  for (const file of FILES.filter(name => !name.endsWith('.generated.ts'))) {
    const text = readFileSync(join(SRC, file), 'utf8')
    assert.ok(text.split('\n').length <= MAX_LINES, `${file} is over ${MAX_LINES} lines`)
    assert.match(text, /^(#!.*\n)?\/(\*\*|\/)/, `${file} does not open with a comment`)
  }
})

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? listFiles(path) : [path]
  })
}

function readImports(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean): void => {
    if (!specifier.startsWith('.')) return
    found.push({ from: file, to: relative(SRC, resolve(SRC, dirname(file), specifier)), typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node.moduleSpecifier.text, importsTypesOnly(node))
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, node.isTypeOnly)
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      ts.isStringLiteral(node.arguments[0])
    ) {
      add(node.arguments[0].text, false)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function importsTypesOnly(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const names = clause.namedBindings
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.every(element => element.isTypeOnly)
  )
}

const ENGINES = [
  'rules',
  'sampler',
  'tenancy',
  'translate',
  'admin',
  'pipeline',
  'plugins',
  'testing',
]

function isComponent(file: string): boolean {
  return KIND_FOLDERS.includes(file.split('/')[0])
}

function rank(file: string): number {
  const top = file.split('/')[0]
  if (top === 'util' || file === 'errors.ts') return 0
  if (top === 'otlp') return 1
  if (top === 'core') return 2
  if (['config', 'telemetry', 'net'].includes(top)) return 3
  if (ENGINES.includes(top)) return 4
  if (isComponent(file)) return 5
  if (['builtins.ts', 'collector.ts', 'index.ts'].includes(file)) return 6
  if (top === 'cli' || file === 'main.ts') return 7
  throw new Error(`${file} has no place in the house; see the rank table`)
}

function mayImport(from: string, to: string): boolean {
  const [a, b] = [rank(from), rank(to)]
  if (a < b) return false
  const [topA, topB] = [from.split('/')[0], to.split('/')[0]]
  if (a === 3 && b === 3) return topA === topB
  if (a === 4 && b === 4) return topA === topB
  if (a === 5) return mayComponentImport(from, to)
  if (from === 'builtins.ts') return to !== 'collector.ts'
  if (from.startsWith('cli/')) return to !== 'main.ts'
  return true
}

function mayComponentImport(from: string, to: string): boolean {
  const [kind, folder] = from.split('/')
  const [toKind, toFolder] = to.split('/')
  if (rank(to) === 4) return !['pipeline', 'plugins', 'testing'].includes(toKind)
  if (rank(to) < 4) return true
  return kind === toKind && (folder === toFolder || SHARED_FOLDERS.includes(`${kind}/${toFolder}`))
}

/** One cycle as a list of files, or empty. */
function findCycle(next: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const walk = (file: string): string[] => {
    if (state.get(file) === 'done') return []
    if (state.get(file) === 'open') return path.slice(path.indexOf(file))
    state.set(file, 'open')
    path.push(file)
    for (const to of next.get(file) ?? []) {
      const cycle = walk(to)
      if (cycle.length > 0) return cycle
    }
    path.pop()
    state.set(file, 'done')
    return []
  }
  for (const file of next.keys()) {
    const cycle = walk(file)
    if (cycle.length > 0) return cycle
  }
  return []
}
