/**
 * Other people's collector configurations: each component section is judged as upstream judges it. A type that is
 * not built here must be refused by name; then what the section holds is not looked at.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parse } from 'yaml'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import { examineConfig } from '../../../src/config/load.ts'
import type { Kind } from '../../../src/core/factory.ts'
import { Registry } from '../../../src/core/registry.ts'
import { BUILTINS } from '../../harness/builtins.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

const REGISTRY = new Registry(BUILTINS)

/** Folder of upstream's test data -> the component that its files configure. */
const COMPONENTS: Readonly<Record<string, { kind: Kind; type: string }>> = {
  otlpreceiver: { kind: 'receiver', type: 'otlp' },
  otlpexporter: { kind: 'exporter', type: 'otlp' },
  otlphttpexporter: { kind: 'exporter', type: 'otlphttp' },
  kafkaexporter: { kind: 'exporter', type: 'kafka' },
  kafkareceiver: { kind: 'receiver', type: 'kafka' },
  zipkinexporter: { kind: 'exporter', type: 'zipkin' },
  filterprocessor: { kind: 'processor', type: 'filter' },
  transformprocessor: { kind: 'processor', type: 'transform' },
  tailsamplingprocessor: { kind: 'processor', type: 'tail_sampling' },
  batchprocessor: { kind: 'processor', type: 'batch' },
  memorylimiterprocessor: { kind: 'processor', type: 'memory_limiter' },
  routingconnector: { kind: 'connector', type: 'routing' },
  fileexporter: { kind: 'exporter', type: 'file' },
  debugexporter: { kind: 'exporter', type: 'debug' },
}

/** Upstream's test data says by its names what must not load. */
const INVALID_NAME = /(^|[_/])(bad|invalid|typo|unknown)([_.]|$)|invalid|mix_config/

/** What upstream names in `invalid_configs.yaml` files but does load. */
const VALID_NAMES: ReadonlySet<string> = new Set([])

export const collectorConfigs: Suite = {
  name: 'collector-configs',
  path: 'collector-configs',
  async *run(root) {
    for (const file of listYaml(root))
      yield* judgeFile(relative(root, file), readFileSync(file, 'utf8'))
  },
}

function listYaml(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap(name => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return listYaml(path)
      return path.endsWith('.yaml') ? [path] : []
    })
}

async function* judgeFile(file: string, text: string): AsyncIterable<CaseResult> {
  const component = COMPONENTS[file.split('/')[0]]
  if (component === undefined) {
    yield await judge(file, () => judgeWhole(text))
    return
  }
  const value = parse(text) as Record<string, unknown> | null
  for (const [name, section] of sections(file, component.type, value)) {
    const id = name === '' ? file : `${file}:${name}`
    yield await judge(id, () =>
      judgeSection(component.kind, component.type, section, isInvalid(id)),
    )
  }
}

function isInvalid(id: string): boolean {
  return INVALID_NAME.test(id) && !VALID_NAMES.has(id)
}

/** A file holds one section, or several under names: component ids, or the free names of upstream's table tests. */
function sections(
  file: string,
  type: string,
  value: Record<string, unknown> | null,
): [string, unknown][] {
  if (value === null) return [['', value]]
  const keys = Object.keys(value)
  if (
    keys.every(
      key =>
        key === type ||
        key.startsWith(`${type}/`) ||
        (key.split('/')[0] === keys[0].split('/')[0] && key.includes('/')),
    )
  ) {
    return Object.entries(value)
  }
  if (/invalid_configs/.test(file)) return Object.entries(value)
  return [['', value]]
}

/** A built component judges its section; a type that is not built must be refused by its name. */
function judgeSection(kind: Kind, type: string, section: unknown, invalid: boolean): void {
  const factory = REGISTRY.find(kind, type)
  if (factory === undefined) {
    const problems = problemsOf({ [`${kind}s`]: { [type]: section } })
    assert.ok(
      problems.some(p => p.includes(type)),
      `no problem names "${type}": ${problems.join('; ')}`,
    )
    return
  }
  const problems = validateComponentConfig(factory, section).map(p => `${p.path}: ${p.message}`)
  if (invalid) assert.notEqual(problems.length, 0, 'loads, but upstream refuses it')
  else assert.deepEqual(problems, [])
}

/** Whole configurations (Jaeger's) use components of their own: each must be named, and nothing else be wrong. */
function judgeWhole(text: string): void {
  const problems = problemsOf(parse(text) as object)
  const foreign = problems.filter(p => !/component|not yet in|not defined/i.test(p))
  assert.deepEqual(foreign, [])
}

function problemsOf(config: object): string[] {
  const { problems } = examineConfig([`yaml:${JSON.stringify(config)}`], [], REGISTRY, process.env)
  return problems.filter(p => p.severity === 'error').map(p => `${p.path}: ${p.message}`)
}
