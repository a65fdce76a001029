/** Our own logs: one JSON line an event, repeated warnings counted instead of written. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createLogger, DEFAULT_LOGGER_OPTIONS } from '../../src/telemetry/logger.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

function fileLogger(t: TestContext, options: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'log')
  const clock = new FakeClock()
  const log = createLogger({ ...DEFAULT_LOGGER_OPTIONS, outputs: [file], ...options }, clock)
  const lines = (): Record<string, unknown>[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
  return { log, clock, lines, file }
}

test('writes one JSON line an event with level, time, name and fields', t => {
  const { log, lines } = fileLogger(t, { fields: { host: 'h' } })

  log.child({ component: 'otlp' }).info('listening', { port: 4317 })

  const [line] = lines()
  assert.equal(line.level, 'info')
  assert.equal(line.event, 'listening')
  assert.equal(line.port, 4317)
  assert.equal(line.component, 'otlp')
  assert.equal(line.host, 'h')
  assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/)
})

test('leaves out what is below its level', t => {
  const { log, lines } = fileLogger(t, { level: 'warn' })

  log.info('quiet')
  log.warn('loud')

  assert.deepEqual(
    lines().map(line => line.event),
    ['loud'],
  )
})

test('writes the first of repeated warnings, then counts them, event by event', async t => {
  const sampling = { enabled: true, tickMs: 1000, initial: 2, thereafter: 3 }
  const { log, lines, clock } = fileLogger(t, { sampling })

  for (let i = 0; i < 6; i++) log.warn('full', { i })
  log.warn('other')
  await clock.advance(1000)
  log.warn('full', { i: 6 })

  assert.deepEqual(
    lines().map(({ event, i, suppressed }) => [event, i, suppressed]),
    [
      ['full', 0, undefined],
      ['full', 1, undefined],
      ['full', 4, 2],
      ['other', undefined, undefined],
      ['full', 6, 1],
    ],
  )
})

test('writes lines for people when asked to', t => {
  const { log, file } = fileLogger(t, { encoding: 'console' })

  log.error('gone', { why: 'no route' })

  assert.match(readFileSync(file, 'utf8'), /^\S+ ERROR gone why="no route"\n$/)
})

test('says what an error says', t => {
  const { log, lines } = fileLogger(t)

  log.warn('page_failed', { error: new Error('no such file') })
  log.child({ component: 'zpages' }).warn('page_failed', { error: 'text' })

  assert.deepEqual(
    lines().map(line => line.error),
    ['no such file', 'text'],
  )
})

test('fails with its code when a log file cannot be written', t => {
  const { file, log } = fileLogger(t)
  log.info('made the file')
  const outputs = [`${file}/below/a/file`]

  assert.throws(() => createLogger({ ...DEFAULT_LOGGER_OPTIONS, outputs }, new FakeClock()), {
    code: 'MILLRACE_START_FAILED',
  })
})
