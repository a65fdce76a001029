/** The five component tables of a configuration: finds the factory of each id and has its section judged. */
import type { Factory, Kind } from '../core/factory.ts'
import { KINDS } from '../core/factory.ts'
import type { Registry } from '../core/registry.ts'
import { findNearest } from '../util/nearest.ts'
import { parseComponentId } from './component-id.ts'
import { judgeSection } from './judge.ts'
import { KNOWN_UPSTREAM } from './known-upstream.ts'
import type { ComponentConfig } from './loaded.ts'
import type { Problem } from './problems.ts'
import { isSecretSchema, jsonSchemaOf, schemasAt } from './schema-walk.ts'
import {
  type Fault,
  findSpan,
  nodeAt,
  type Path,
  problemAt,
  type Tree,
  type TreeEntry,
  toPlain,
} from './tree.ts'

/** `receivers` and so on, the keys of the configuration. */
export const TABLES: Readonly<Record<Kind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  connector: 'connectors',
  exporter: 'exporters',
  extension: 'extensions',
}

/** What a table holds under an id; `config` is undefined where the section or the type is at fault. */
export interface DeclaredComponent {
  readonly kind: Kind
  readonly id: string
  readonly factory: Factory | undefined
  readonly config: ComponentConfig | undefined
  readonly entry: TreeEntry
}

/** An extension named in a section, to be looked up when all tables are read. */
export interface PlacedReference {
  readonly path: Path
  readonly id: string
}

export interface Tables {
  readonly declared: Readonly<Record<Kind, ReadonlyMap<string, DeclaredComponent>>>
  readonly references: readonly PlacedReference[]
  readonly problems: readonly Problem[]
}

export function readTables(root: Tree, registry: Registry): Tables {
  const reader = new TableReader(root, registry)
  const tables = KINDS.map(kind => [kind, reader.readTable(kind)])
  const declared = Object.fromEntries(tables) as Tables['declared']
  return { declared, references: reader.references, problems: reader.problems }
}

class TableReader {
  readonly problems: Problem[] = []
  readonly references: PlacedReference[] = []
  readonly #root: Tree
  readonly #registry: Registry

  constructor(root: Tree, registry: Registry) {
    this.#root = root
    this.#registry = registry
  }

  readTable(kind: Kind): ReadonlyMap<string, DeclaredComponent> {
    const declared = new Map<string, DeclaredComponent>()
    const table = nodeAt(this.#root, [TABLES[kind]])
    if (table === undefined || (table.kind === 'scalar' && table.value === null)) return declared
    if (table.kind !== 'map') {
      const fault = {
        path: [TABLES[kind]],
        message: 'is not a map',
        expected: 'component ids as keys',
      }
      this.problems.push(problemAt(findSpan(this.#root, [TABLES[kind]], 'value'), fault))
      return declared
    }
    for (const [id, entry] of table.entries) declared.set(id, this.#readComponent(kind, id, entry))
    return declared
  }

  #readComponent(kind: Kind, id: string, entry: TreeEntry): DeclaredComponent {
    const path = [TABLES[kind], id]
    const parts = parseComponentId(id)
    if (typeof parts === 'string') {
      this.problems.push(
        problemAt(entry.key, { path, message: parts, expected: 'type or type/name' }),
      )
      return { kind, id, entry, factory: undefined, config: undefined }
    }
    const factory = this.#registry.find(kind, parts.type)
    if (factory === undefined) {
      const detail = explainUnknownType(this.#registry, kind, parts.type)
      this.problems.push(problemAt(entry.key, { path, ...detail }))
      return { kind, id, entry, factory, config: undefined }
    }
    return { kind, id, entry, factory, config: this.#judge(factory, id, parts.type, entry) }
  }

  #judge(
    factory: Factory,
    id: string,
    type: string,
    entry: TreeEntry,
  ): ComponentConfig | undefined {
    const base = [TABLES[factory.kind], id]
    const original = (path: Path) => nodeAt(entry.value, path)?.original
    const verdict = judgeSection(factory.config, toPlain(entry.value), original)
    for (const { path, id: target } of verdict.references) {
      this.references.push({ path: [...base, ...path], id: target })
    }
    for (const { path: inner, part, ...fault } of verdict.faults) {
      const path = [...base, ...inner]
      const span = findSpan(this.#root, path, part)
      const shown = span.shown && (part === 'key' || mayShow(factory, inner))
      this.problems.push(problemAt({ ...span, shown }, { path, ...fault }))
    }
    for (const inner of verdict.idle) {
      const path = [...base, ...inner]
      this.problems.push(problemAt(findSpan(this.#root, path, 'key'), idleFault(path)))
    }
    if (verdict.faults.length > 0) return undefined
    const { config, canonical } = verdict
    return { id, type, config, canonical, factory }
  }
}

/** What is said about a key that is accepted for upstream's sake only. */
export function idleFault(path: Path): Fault {
  return { severity: 'warning', path, message: 'has no effect in Millrace' }
}

/** A text that stands where the schema has no secret, nor a section that may hold one. */
function mayShow(factory: Factory, path: Path): boolean {
  const schemas = schemasAt(jsonSchemaOf(factory.config.schema), path)
  const isSection = schemas.some(schema => schema.type === 'object' || schema.type === 'array')
  return schemas.length > 0 && !isSection && !schemas.some(isSecretSchema)
}

function explainUnknownType(
  registry: Registry,
  kind: Kind,
  type: string,
): { message: string; expected?: string; nearest?: string } {
  const elsewhere = KINDS.find(other => other !== kind && registry.find(other, type) !== undefined)
  if (elsewhere !== undefined) {
    const message = `"${type}" is not a component of this build as ${withArticle(kind)}; it is ${withArticle(elsewhere)}`
    return { message, expected: `it under ${TABLES[elsewhere]}` }
  }
  if (KNOWN_UPSTREAM[kind].has(type)) {
    const message = `the ${kind} "${type}" exists in the OpenTelemetry Collector but not yet in Millrace`
    return { message, expected: listTypes(registry, kind) }
  }
  const message = `"${type}" is not a component of this build (${kind})`
  const nearest = findNearest(type, registry.types(kind))
  if (nearest !== undefined) return { message, nearest }
  return { message, expected: listTypes(registry, kind) }
}

function listTypes(registry: Registry, kind: Kind): string | undefined {
  const types = registry.types(kind)
  return types.length === 0 ? undefined : `one of ${[...types].sort().join(', ')}`
}

function withArticle(kind: Kind): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`
}
