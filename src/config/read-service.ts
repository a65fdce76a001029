/** The `service` section: extensions, pipelines and telemetry, each reference checked against what is declared. */
import { z } from 'zod'
import type { ConfigSpec, Kind } from '../core/factory.ts'
import type { Signal } from '../core/signal.ts'
import { findNearest } from '../util/nearest.ts'
import { parsePipelineId } from './component-id.ts'
import { explainIssue } from './explain-issue.ts'
import { judgeSection } from './judge.ts'
import type { PipelineConfig, TelemetryConfig } from './loaded.ts'
import type { Problem } from './problems.ts'
import { idleFault, TABLES, type Tables } from './read-components.ts'
import { checkTelemetry, telemetrySection } from './telemetry-section.ts'
import {
  type Fault,
  findSpan,
  nodeAt,
  type Path,
  problemAt,
  type Tree,
  type TreeMap,
  toPlain,
} from './tree.ts'

export interface Service {
  readonly extensions: readonly string[]
  readonly pipelines: ReadonlyMap<string, PipelineConfig>
  readonly telemetry: TelemetryConfig | undefined
  readonly problems: readonly Problem[]
}

const ids = z.array(z.string())

/** Only the forms; what the ids mean is checked below. Null is the same as absent. */
const pipelineShape = z.strictObject({
  receivers: ids.optional().describe('Ids of receivers, or of connectors that feed this pipeline.'),
  processors: ids
    .optional()
    .describe('Ids of processors, in the order in which data goes through.'),
  exporters: ids
    .optional()
    .describe('Ids of exporters, or of connectors that this pipeline feeds.'),
})

/** Schema of `service` for editors; loading uses its parts one by one to say more about faults. */
export const serviceSchema = z.strictObject({
  extensions: ids.optional().describe('Ids of the extensions to start, in this order.'),
  pipelines: z
    .record(z.string(), pipelineShape)
    .describe('Pipelines by id: traces, metrics or logs, with /name where there are several.'),
  telemetry: telemetrySection.describe("The collector's own logs and metrics."),
})

type Role = 'receivers' | 'processors' | 'exporters'

/** Kinds that may stand in a role. */
const ROLE_KINDS: Readonly<Record<Role, readonly Kind[]>> = {
  receivers: ['receiver', 'connector'],
  processors: ['processor'],
  exporters: ['exporter', 'connector'],
}

export function readService(root: Tree, tables: Tables): Service {
  const reader = new ServiceReader(root, tables)
  return reader.read()
}

class ServiceReader {
  readonly problems: Problem[] = []
  readonly #root: Tree
  readonly #tables: Tables

  constructor(root: Tree, tables: Tables) {
    this.#root = root
    this.#tables = tables
  }

  read(): Service {
    const service = this.#mapAt(['service'], 'pipelines, extensions and telemetry')
    for (const key of service?.entries.keys() ?? []) this.#checkKey(key)
    const extensions = this.#readExtensions()
    const pipelines = this.#readPipelines(service)
    return { extensions, pipelines, telemetry: this.#readTelemetry(), problems: this.problems }
  }

  #checkKey(key: string): void {
    const known = Object.keys(serviceSchema.shape)
    if (known.includes(key)) return
    const nearest = findNearest(key, known)
    const expected = nearest === undefined ? `one of ${known.join(', ')}` : undefined
    const path = ['service', key]
    this.#add('key', { path, message: 'is not a known key', nearest, expected })
  }

  #readExtensions(): readonly string[] {
    const path = ['service', 'extensions']
    const listed = this.#idsAt(path)
    listed.forEach((id, i) => {
      this.#checkDeclared(['extension'], id, [...path, i])
      if (listed.indexOf(id) < i)
        this.#add('value', { path: [...path, i], message: 'is listed twice' })
    })
    for (const { path: at, id } of this.#tables.references) this.#checkReference(at, id, listed)
    return listed
  }

  /** An extension that a component names must be there and be started. */
  #checkReference(path: Path, id: string, listed: readonly string[]): void {
    if (!this.#checkDeclared(['extension'], id, path) || listed.includes(id)) return
    const message = `the extension "${id}" is configured but not started`
    this.#add('value', { path, message, expected: `${id} in service.extensions` })
  }

  #readPipelines(service: TreeMap | undefined): ReadonlyMap<string, PipelineConfig> {
    const path = ['service', 'pipelines']
    const table = service === undefined ? undefined : this.#mapAt(path, 'pipeline ids as keys')
    const pipelines = new Map<string, PipelineConfig>()
    if (table === undefined || table.entries.size === 0) {
      const message = 'there is no pipeline, so nothing would be done'
      if (this.problems.length === 0) {
        this.#add('key', {
          path,
          message,
          expected: 'at least one pipeline under service.pipelines',
        })
      }
      return pipelines
    }
    for (const id of table.entries.keys()) {
      const signal = parsePipelineId(id)
      if (typeof signal === 'string') pipelines.set(id, this.#readPipeline(id, signal))
      else this.#add('key', { path: [...path, id], ...signal })
    }
    return pipelines
  }

  #readPipeline(id: string, signal: Signal): PipelineConfig {
    const path = ['service', 'pipelines', id]
    this.#checkForm(path)
    const [receivers, processors, exporters] = (
      ['receivers', 'processors', 'exporters'] as const
    ).map(role => this.#readRole(path, role))
    return { id, signal, receivers, processors, exporters }
  }

  #checkForm(path: Path): void {
    const node = nodeAt(this.#root, path)!
    const plain = withoutNulls(toPlain(node) ?? {})
    const result = pipelineShape.safeParse(plain)
    for (const issue of result.error?.issues ?? []) {
      const schema = { properties: { receivers: {}, processors: {}, exporters: {} } }
      for (const { path: inner, part, ...fault } of explainIssue(issue, plain, () => schema)) {
        this.#add(part, { path: [...path, ...inner], ...fault })
      }
    }
  }

  /** The ids, each once. */
  #readRole(pipeline: Path, role: Role): readonly string[] {
    const path = [...pipeline, role]
    const listed = this.#idsAt(path)
    if (listed.length === 0 && role !== 'processors' && isListOrAbsent(nodeAt(this.#root, path))) {
      const expected = `at least one ${role.slice(0, -1)}`
      this.#add('key', { path, message: `the pipeline has no ${role}`, expected })
    }
    listed.forEach((id, i) => {
      this.#checkDeclared(ROLE_KINDS[role], id, [...path, i])
      if (listed.indexOf(id) === i) return
      const severity = role === 'processors' ? 'error' : 'warning'
      const message =
        role === 'processors' ? 'is in this pipeline twice' : 'is listed twice; once counts'
      this.#add('value', { severity, path: [...path, i], message })
    })
    return [...new Set(listed)]
  }

  #checkDeclared(kinds: readonly Kind[], id: string, path: Path): boolean {
    const { declared } = this.#tables
    if (kinds.some(kind => declared[kind].has(id))) return true
    const message = `the ${kinds[0]} "${id}" is not defined`
    const known = kinds.flatMap(kind => [...declared[kind].keys()])
    const nearest = findNearest(id, known)
    const expected =
      nearest === undefined ? `it under ${kinds.map(kind => TABLES[kind]).join(' or ')}` : undefined
    this.#add('value', { path, message, nearest, expected })
    return false
  }

  #readTelemetry(): TelemetryConfig | undefined {
    const base = ['service', 'telemetry']
    const node = nodeAt(this.#root, base)
    const original = (path: Path) => (node === undefined ? undefined : nodeAt(node, path)?.original)
    const section = node === undefined ? {} : toPlain(node)
    const spec = { schema: telemetrySection, check: checkTelemetry }
    const verdict = judgeSection(spec as ConfigSpec<unknown>, section, original)
    for (const { path, part, ...fault } of verdict.faults) {
      this.#add(part, { path: [...base, ...path], ...fault })
    }
    for (const path of verdict.idle) this.#add('key', idleFault([...base, ...path]))
    return verdict.config as TelemetryConfig | undefined
  }

  /** Texts of the list at this path; faults of form are found elsewhere. */
  #idsAt(path: Path): readonly string[] {
    const node = nodeAt(this.#root, path)
    if (node?.kind !== 'list') {
      if (path[1] === 'extensions' && !isListOrAbsent(node)) {
        this.#add('value', { path, message: 'is not a list', expected: 'a list of extension ids' })
      }
      return []
    }
    return node.items.map(toPlain).filter(item => typeof item === 'string')
  }

  #mapAt(path: Path, expected: string): TreeMap | undefined {
    const node = nodeAt(this.#root, path)
    if (node === undefined || (node.kind === 'scalar' && node.value === null)) return undefined
    if (node.kind === 'map') return node
    this.#add('value', { path, message: 'is not a map', expected: `a map with ${expected}` })
    return undefined
  }

  #add(part: 'key' | 'value', fault: Fault): void {
    this.problems.push(problemAt(findSpan(this.#root, fault.path, part), fault))
  }
}

function isListOrAbsent(node: Tree | undefined): boolean {
  return (
    node === undefined || node.kind === 'list' || (node.kind === 'scalar' && node.value === null)
  )
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null))
}
