import assert from 'node:assert/strict'
import test from 'node:test'
import { section } from '../../src/config/fields.ts'
import { examineConfig } from '../../src/config/load.ts'
import { inventFactory, smallRegistry } from './small-registry.ts'

const REGISTRY = smallRegistry()
const COMPONENTS = `receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: , spans_only: }
connectors: {forward: , forward/b: , count: }
exporters: {nop: , nop/b: }
`

/** Errors of a configuration with these pipelines; unused components are another matter. */
function errorsOf(pipelines: string): readonly string[] {
  const yaml = `${COMPONENTS}service:\n  pipelines:\n${pipelines.replace(/^/gm, '    ')}\n`
  const { problems } = examineConfig([`yaml:${yaml}`], [], REGISTRY, {})
  return problems
    .filter(problem => problem.severity === 'error')
    .map(({ path, message }) => `${path}: ${message}`)
}

test('accepts connectors that are used on both sides with signals that they connect', () => {
  const pipelines = `traces: {receivers: [otlp], exporters: [forward, count]}
traces/out: {receivers: [forward], exporters: [nop]}
metrics: {receivers: [count], exporters: [nop]}`

  assert.deepEqual(errorsOf(pipelines), [])
})

test('refuses a pipeline without receivers or exporters', () => {
  assert.deepEqual(errorsOf('traces:\nlogs: {receivers: [], exporters: [nop]}'), [
    'service.pipelines.traces.receivers: the pipeline has no receivers',
    'service.pipelines.traces.exporters: the pipeline has no exporters',
    'service.pipelines.logs.receivers: the pipeline has no receivers',
  ])
})

test('refuses a component in a pipeline of a signal that it does not carry', () => {
  assert.deepEqual(
    errorsOf('logs: {receivers: [otlp], processors: [spans_only], exporters: [nop]}'),
    ['service.pipelines.logs.processors.0: the processor "spans_only" does not carry logs'],
  )
})

test('refuses a connector that is used on one side only', () => {
  assert.match(
    errorsOf('traces: {receivers: [otlp], exporters: [forward]}')[0],
    /but as receiver of no pipeline/,
  )
  assert.match(
    errorsOf('traces: {receivers: [forward], exporters: [nop]}')[0],
    /but as exporter of no pipeline/,
  )
})

test('refuses a connector between signals that it does not connect', () => {
  const found = errorsOf(`metrics: {receivers: [otlp], exporters: [count]}
metrics/out: {receivers: [count], exporters: [nop]}`)

  assert.equal(found.length, 2)
  assert.match(found[0], /on its other side there is only metrics/)
})

test('refuses a loop of pipelines and shows its way', () => {
  const found = errorsOf(`traces/a: {receivers: [otlp, forward/b], exporters: [forward]}
traces/b: {receivers: [forward], exporters: [forward/b, nop]}`)

  assert.deepEqual(found, [
    'service.pipelines.traces/b.exporters.0: pipelines feed each other in a loop: ' +
      'traces/a -> forward -> traces/b -> forward/b -> traces/a',
  ])
})

test('refuses a pipeline that feeds itself', () => {
  assert.match(
    errorsOf('traces: {receivers: [otlp, forward], exporters: [forward]}')[0],
    /in a loop/,
  )
})

test('refuses a processor twice in a pipeline', () => {
  assert.deepEqual(
    errorsOf('traces: {receivers: [otlp], processors: [batch, batch], exporters: [nop]}'),
    ['service.pipelines.traces.processors.1: is in this pipeline twice'],
  )
})

test('warns about receivers listed twice, as upstream takes them once, and about the unused', () => {
  const yaml = `${COMPONENTS}service: {pipelines: {traces: {receivers: [otlp, otlp], exporters: [nop, nop]}}}`
  const { config } = examineConfig([`yaml:${yaml}`], [], REGISTRY, {})

  assert.deepEqual(config?.service.pipelines.get('traces')?.exporters, ['nop'])
  const warnings = config?.warnings.map(problem => problem.path) ?? []
  assert.deepEqual(
    warnings.filter(path => path.startsWith('service')),
    ['service.pipelines.traces.receivers.1', 'service.pipelines.traces.exporters.1'],
  )
  assert.ok(warnings.includes('processors.batch'))
  assert.ok(warnings.includes('exporters.nop/b'))
})

test('refuses a connector with the id of a receiver', () => {
  const registry = smallRegistry([
    inventFactory({ kind: 'receiver', id: 'forward', schema: section({}) }),
  ])
  const yaml = `${COMPONENTS.replace('{otlp:', '{forward: , otlp:')}service: {pipelines: {traces: }}`

  const { problems } = examineConfig([`yaml:${yaml}`], [], registry, {})

  const found = problems.find(
    problem => problem.path === 'connectors.forward' && problem.severity === 'error',
  )
  assert.equal(found?.message, 'a connector and a receiver have the same id')
})

test('refuses signals that there are none of, with the nearest', () => {
  assert.match(
    errorsOf('trace: {receivers: [otlp], exporters: [nop]}')[0],
    /"trace" is not a signal/,
  )
  assert.match(
    errorsOf('profiles: {receivers: [otlp], exporters: [nop]}')[0],
    /profiles are not supported/,
  )
})

test('knows exporters that a processor sends to on its own', () => {
  const routing = (routes: readonly string[] | 'any') => ({
    ...inventFactory({ kind: 'processor', id: 'router', schema: section({}) }),
    routesTo: () => routes,
  })
  const problemsOf = (routes: readonly string[] | 'any') => {
    const yaml = `${COMPONENTS.replace('batch: ,', 'batch: , router: ,')}service: {pipelines: {traces: {receivers: [otlp], processors: [router], exporters: [nop]}}}`
    const { problems } = examineConfig([`yaml:${yaml}`], [], smallRegistry([routing(routes)]), {})
    return problems.filter(
      ({ path, severity }) => severity === 'error' || path.startsWith('exporters.'),
    )
  }

  assert.deepEqual(problemsOf('any'), [])
  assert.deepEqual(
    problemsOf(['nop/c']).map(({ path, message, nearest }) => [path, message, nearest]),
    [
      ['processors.router.destinations', 'there is no exporter "nop/c"', 'nop/b'],
      ['exporters.nop/b', 'the exporter "nop/b" is not used by any pipeline', undefined],
    ],
  )
})
