/** Stopping: side by side within a layer, and nobody can keep the others from their turn. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Component } from '../../src/core/component.ts'
import { Lifecycle } from '../../src/pipeline/lifecycle.ts'
import type { Node } from '../../src/pipeline/node.ts'
import { fakeHost, fakeServices, settle } from '../../src/testing/fakes.ts'
import { makeParts } from './parts.ts'

const idle: Component = { start: async () => {}, stop: async () => {} }

function node(id: string, component: Partial<Component> = {}): Node {
  return {
    ...{ key: `exporter/${id}`, kind: 'exporter', id, signals: ['traces'], outlets: new Map() },
    source: makeParts().source('exporter', id),
    component: { ...idle, ...component },
  }
}

function lifecycle() {
  const services = fakeServices()
  const errors: string[] = []
  const log = { ...services.log, error: (event: string) => void errors.push(event) }
  const life = new Lifecycle(fakeHost().inspector, { clock: services.clock, log })
  return { life, errors, clock: services.clock }
}

test('stops the components of a layer side by side, and layers one after another', async () => {
  const { life } = lifecycle()
  const events: string[] = []
  let open = (): void => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const stopping = (id: string, until: Promise<void>) =>
    node(id, {
      stop: async () => {
        events.push(`${id} begins`)
        await until
      },
    })
  const layers = [
    [stopping('a', gate), stopping('b', Promise.resolve())],
    [stopping('c', Promise.resolve())],
  ]

  const stopped = life.stop(layers, new AbortController().signal)
  await settle()
  assert.deepEqual(events, ['a begins', 'b begins'])
  open()
  await stopped

  assert.deepEqual(events, ['a begins', 'b begins', 'c begins'])
})

test('goes on when a component fails to stop, and says so', async () => {
  const { life, errors } = lifecycle()
  const failing = node('failing', { stop: () => Promise.reject(new Error('no')) })

  await life.stop([[failing], [node('next')]], new AbortController().signal)

  assert.deepEqual(errors, ['component_stop_failed'])
  assert.deepEqual(
    life.statuses().map(({ id, status }) => [id, status]),
    [
      ['failing', 'stopped'],
      ['next', 'stopped'],
    ],
  )
})

test('leaves a component behind that hangs beyond the deadline', async () => {
  const { life, errors, clock } = lifecycle()
  let isNextStopped = false
  const hanging = node('hanging', { stop: () => new Promise(() => {}) })
  const next = node('next', {
    stop: async () => {
      isNextStopped = true
    },
  })
  const deadline = new AbortController()

  const stopped = life.stop([[hanging], [next]], deadline.signal)
  await clock.advance(10_000)
  assert.equal(isNextStopped, false)
  deadline.abort()
  await settle()
  await clock.advance(500)
  await stopped

  assert.equal(isNextStopped, true)
  assert.deepEqual(errors, ['component_does_not_stop'])
})

test('keeps what a component says of itself, until it stops', async () => {
  const { life } = lifecycle()
  const sick = node('sick', {
    start: async host => host.reportStatus('sick', 'recoverable_error', 'no disk'),
  })

  await life.start([sick], () => new AbortController().signal)

  assert.deepEqual(life.statuses(), [
    { kind: 'exporter', id: 'sick', status: 'recoverable_error', detail: 'no disk' },
  ])
})

test('an extension is found when it has started and not before: until then nobody can use it', async () => {
  const { life } = lifecycle()
  let open = (): void => {}
  const reading = new Promise<void>(resolve => {
    open = resolve
  })
  const component: Component = { ...idle, start: () => reading }
  const slow: Node = { ...node('auth'), key: 'extension/auth', kind: 'extension', component }

  const started = life.start([slow], () => AbortSignal.abort())
  await settle()
  const early = life.extension('auth')
  open()
  await started

  assert.equal(early, undefined)
  assert.equal(life.extension('auth'), component)
})
