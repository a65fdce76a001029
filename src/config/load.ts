/**
 * Sources in, checked configuration out: read, merge, expand, judge every component, check the service. Every step
 * goes on after a fault as far as sense can be made, so that all faults are told at once.
 */
import { KINDS } from '../core/factory.ts'
import type { Registry } from '../core/registry.ts'
import { findNearest } from '../util/nearest.ts'
import { checkGraph } from './check-graph.ts'
import { expandTree } from './expand.ts'
import type { ComponentConfig, LoadedConfig } from './loaded.ts'
import { ConfigError, type Problem } from './problems.ts'
import { type DeclaredComponent, readTables, TABLES, type Tables } from './read-components.ts'
import { readService, type Service } from './read-service.ts'
import { type Env, readConfigSource, readSet, type SourceFiles } from './read-source.ts'
import { mergeTrees, problemAt, type Tree } from './tree.ts'

/** What there is to know about a configuration, be it valid or not. */
export interface Examination {
  /** Undefined if there is an error among the problems. */
  readonly config: LoadedConfig | undefined
  /** Errors and warnings, by source and place. */
  readonly problems: readonly Problem[]
  /** Merged and expanded; null if a source could not be read as YAML. */
  readonly tree: Tree | null
  readonly files: readonly string[]
}

/**
 * Throws `ConfigError` with every problem, or a `MillraceError` if a source cannot be read at all. `sources` are
 * values of `--config`, `sets` those of `--set`; later ones win. Nothing outside of `env` and the named files is read.
 */
export function loadConfig(
  sources: readonly string[],
  sets: readonly string[],
  registry: Registry,
  env: Env,
): LoadedConfig {
  const { config, problems } = examineConfig(sources, sets, registry, env)
  if (config === undefined) throw new ConfigError(problems)
  return config
}

/** As `examineConfig`; components that the configuration names are loaded first. */
export async function examineLoading(
  sources: readonly string[],
  sets: readonly string[],
  registry: Registry,
  env: Env,
): Promise<Examination> {
  let examined = examineConfig(sources, sets, registry, env)
  while (await registry.loadWanted()) examined = examineConfig(sources, sets, registry, env)
  return examined
}

/** As `loadConfig`; components that the configuration names are loaded first. */
export async function loadConfigLoading(
  sources: readonly string[],
  sets: readonly string[],
  registry: Registry,
  env: Env,
): Promise<LoadedConfig> {
  const { config, problems } = await examineLoading(sources, sets, registry, env)
  if (config === undefined) throw new ConfigError(problems)
  return config
}

/** As `loadConfig`, but what is wrong is an answer. Throws only if a source cannot be read at all. */
export function examineConfig(
  sources: readonly string[],
  sets: readonly string[],
  registry: Registry,
  env: Env,
): Examination {
  const files: SourceFiles = new Map()
  const problems: Problem[] = []
  const results = [
    ...sources.map(uri => readConfigSource(uri, env, files)),
    ...sets.map(text => readSet(text)),
  ]
  for (const result of results) problems.push(...result.problems)
  const trees = results.map(result => result.tree).filter(tree => tree !== null)
  if (problems.length > 0 || trees.length === 0) {
    if (problems.length === 0) problems.push(emptyProblem(sources))
    return { config: undefined, problems, tree: null, files: [...files.keys()] }
  }
  const expansion: Problem[] = []
  const tree = expandTree(trees.reduce(mergeTrees), { env, files, problems: expansion })
  const judged = judgeTree(tree, registry)
  const order = trees.map(each => each.at.source.name)
  const all = sortByPlace([...expansion, ...withoutEchoes(judged.problems, expansion)], order)
  const valid = !all.some(problem => problem.severity === 'error')
  const config = valid ? assemble(judged, all, files) : undefined
  return { config, problems: all, tree, files: [...files.keys()] }
}

interface Judged {
  readonly tables: Tables
  readonly service: Service
  readonly problems: readonly Problem[]
}

function judgeTree(root: Tree, registry: Registry): Judged {
  const tables = readTables(root, registry)
  const service = readService(root, tables)
  const { pipelines, extensions } = service
  const graph = checkGraph({ root, tables, pipelines, extensions })
  const problems = [...checkTopLevel(root), ...tables.problems, ...service.problems, ...graph]
  return { tables, service, problems }
}

function checkTopLevel(root: Tree): readonly Problem[] {
  if (root.kind !== 'map') return []
  const known = [...Object.values(TABLES), 'service']
  return [...root.entries]
    .filter(([key]) => !known.includes(key))
    .map(([key, entry]) => {
      const nearest = findNearest(key, known)
      const expected = nearest === undefined ? `one of ${known.join(', ')}` : undefined
      return problemAt(entry.key, { path: [key], message: 'is not a known key', nearest, expected })
    })
}

/** Where an expansion failed there is null now, and what is said about that null is no news. */
function withoutEchoes(
  problems: readonly Problem[],
  expansion: readonly Problem[],
): readonly Problem[] {
  const failed = expansion.filter(each => each.severity === 'error').map(each => each.path)
  const isEcho = (path: string) => failed.some(each => path === each || path.startsWith(`${each}.`))
  return problems.filter(problem => !isEcho(problem.path))
}

function emptyProblem(sources: readonly string[]): Problem {
  const file = sources.length === 1 ? sources[0].replace(/^file:/, '') : ''
  const message = 'the configuration is empty'
  const expected = 'receivers, exporters and service with at least one pipeline'
  return { severity: 'error', path: '', file, line: 0, column: 0, message, expected }
}

/** Sources as they were named, then what was read through references; within a source from top to bottom. */
function sortByPlace(problems: readonly Problem[], order: readonly string[]): readonly Problem[] {
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return [...problems].sort(
    (a, b) =>
      rank(a.file) - rank(b.file) ||
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      a.column - b.column,
  )
}

function assemble(
  { tables, service }: Judged,
  problems: readonly Problem[],
  files: SourceFiles,
): LoadedConfig {
  const [receivers, processors, connectors, exporters, extensions] = KINDS.map(kind =>
    configsOf(tables.declared[kind]),
  )
  const { pipelines, telemetry } = service
  return {
    receivers,
    processors,
    connectors,
    exporters,
    extensions,
    service: { extensions: service.extensions, pipelines, telemetry: telemetry! },
    warnings: problems.filter(problem => problem.severity === 'warning'),
    files,
  } as LoadedConfig
}

function configsOf(
  table: ReadonlyMap<string, DeclaredComponent>,
): ReadonlyMap<string, ComponentConfig> {
  return new Map([...table].map(([id, { config }]) => [id, config!]))
}
