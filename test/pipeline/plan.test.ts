/** Which components a configuration makes, and in which order they start. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { ComponentSource } from '../../src/pipeline/node.ts'
import { type GraphSource, planNodes } from '../../src/pipeline/plan.ts'
import { makeParts } from './parts.ts'

type Lists = readonly [receivers: string, processors: string, exporters: string]

/** Pipelines by id, each with lists of component ids separated by spaces; ids beginning with `to_` are connectors. */
function source(pipelines: Readonly<Record<string, Lists>>): GraphSource {
  const parts = makeParts()
  const read = (text: string): string[] => text.split(' ').filter(id => id !== '')
  const ids = (at: 0 | 1 | 2): string[] => Object.values(pipelines).flatMap(p => read(p[at]))
  const isConnector = (id: string): boolean => id.startsWith('to_')
  const table = (kind: 'receiver' | 'processor' | 'exporter' | 'connector', all: string[]) =>
    new Map(all.map((id): [string, ComponentSource] => [id, parts.source(kind, id)]))
  return {
    receivers: table(
      'receiver',
      [...ids(0), 'unused'].filter(id => !isConnector(id)),
    ),
    processors: table('processor', ids(1)),
    connectors: table('connector', ids(2).filter(isConnector)),
    exporters: table(
      'exporter',
      ids(2).filter(id => !isConnector(id)),
    ),
    extensions: new Map([['health', parts.source('extension', 'health')]]),
    service: {
      extensions: ['health'],
      pipelines: new Map(
        Object.entries(pipelines).map(([id, [receivers, processors, exporters]]) => [
          id,
          {
            id,
            signal: id.split('/')[0] as 'traces',
            receivers: read(receivers),
            processors: read(processors),
            exporters: read(exporters),
          },
        ]),
      ),
    },
  }
}

function order(pipelines: Readonly<Record<string, Lists>>): string[] {
  return planNodes(source(pipelines)).map(({ key, depth }) => `${depth} ${key}`)
}

test('starts extensions, exporters, processors from the back, and receivers last', () => {
  assert.deepEqual(order({ traces: ['in', 'first second', 'out'] }), [
    '0 extension/health',
    '1 exporter/out',
    '2 processor/traces/second',
    '3 processor/traces/first',
    '4 receiver/in',
  ])
})

test('makes one receiver and exporter for all pipelines, and a processor for each', () => {
  const plans = planNodes(source({ traces: ['in', 'p', 'out'], logs: ['in', 'p', 'out'] }))

  assert.deepEqual(
    plans.filter(plan => plan.depth > 0).map(({ key, signals }) => [key, signals]),
    [
      ['exporter/out', ['traces', 'logs']],
      ['processor/traces/p', ['traces']],
      ['processor/logs/p', ['logs']],
      ['receiver/in', ['traces', 'logs']],
    ],
  )
})

test('starts what a connector feeds before the connector, in whatever order the pipelines stand', () => {
  assert.deepEqual(
    order({
      'traces/a': ['in', 'p q', 'to_b'],
      'traces/c': ['to_c', 'p', 'out'],
      'traces/b': ['to_b', 'p', 'to_c out'],
    }),
    [
      '0 extension/health',
      '1 exporter/out',
      '2 processor/traces/c/p',
      '3 connector/to_c',
      '4 processor/traces/b/p',
      '5 connector/to_b',
      '6 processor/traces/a/q',
      '7 processor/traces/a/p',
      '8 receiver/in',
    ],
  )
})

test('gives a connector one outlet for each pipeline that it feeds', () => {
  const plans = planNodes(
    source({
      traces: ['in', '', 'to_x'],
      'traces/one': ['to_x', '', 'out'],
      'traces/two': ['to_x', '', 'out'],
    }),
  )

  const connector = plans.find(({ key }) => key === 'connector/to_x')

  assert.deepEqual(connector?.outlets, ['traces/one', 'traces/two'])
})
