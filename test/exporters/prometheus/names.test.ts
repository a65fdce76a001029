/** Names for Prometheus: units and types as suffixes, escaping, and what is left out. Expectations are those of otlptranslator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type FamilyType,
  isLegacyLabel,
  isLegacyMetric,
  labelName,
  metricName,
  type Naming,
} from '../../../src/exporters/prometheus/names.ts'

const FULL: Naming = { namespace: '', hasSuffixes: true, isUtf8: false }
const BARE: Naming = { namespace: '', hasSuffixes: false, isUtf8: false }
const UTF8: Naming = { namespace: '', hasSuffixes: true, isUtf8: true }

test('adds units and types to names of metrics', () => {
  const cases: [name: string, unit: string, type: FamilyType, made: string | undefined][] = [
    ['system.io', 'By', 'counter', 'system_io_bytes_total'],
    ['http.server.duration', 'ms', 'histogram', 'http_server_duration_milliseconds'],
    ['system.filesystem.usage', '1', 'gauge', 'system_filesystem_usage_ratio'],
    ['requests', '1', 'counter', 'requests_total'],
    ['requests_total', '', 'counter', 'requests_total'],
    ['total.requests', '', 'counter', 'requests_total'],
    ['network.io', 'By/s', 'gauge', 'network_io_bytes_per_second'],
    ['speed', 'm/x', 'gauge', 'speed_meters_per_x'],
    ['rate', '/s', 'gauge', 'rate_per_second'],
    ['errors', '{error}', 'counter', 'errors_total'],
    ['errors', '{error}/s', 'gauge', 'errors_per_second'],
    ['wait.seconds', 's', 'gauge', 'wait_seconds'],
    ['mem__used--x', '', 'gauge', 'mem_used_x'],
    ['1st', '', 'gauge', '_1st'],
    ['a:b', '', 'gauge', 'a:b'],
    ['über', '', 'gauge', 'ber'],
    ['\u{1f600}', '', 'gauge', undefined],
    ['', '', 'gauge', undefined],
    ['temp', '°C', 'gauge', 'temp_C'],
    ['load', '%', 'gauge', 'load_percent'],
  ]
  for (const [name, unit, type, made] of cases) {
    assert.equal(metricName(name, unit, type, FULL), made, `${name} in ${unit}`)
  }
})

test('leaves suffixes out where none are wanted, and characters where all are taken', () => {
  assert.equal(metricName('system.io', 'By', 'counter', BARE), 'system_io')
  assert.equal(metricName('a__b', '', 'gauge', BARE), 'a__b')
  assert.equal(metricName('system.io', 'By', 'counter', UTF8), 'system.io_bytes_total')
  assert.equal(metricName('x_total', '', 'counter', UTF8), 'x_total')
  const as = { ...UTF8, hasSuffixes: false }
  assert.equal(metricName('system.io', 'By', 'counter', as), 'system.io')
})

test('puts the namespace before the name', () => {
  assert.equal(metricName('io', 'By', 'counter', { ...FULL, namespace: 'ns' }), 'ns_io_bytes_total')
  assert.equal(metricName('1io', '', 'gauge', { ...BARE, namespace: 'my.ns' }), 'my_ns_1io')
})

test('makes names of labels', () => {
  const cases: [name: string, made: string | undefined][] = [
    ['http.method', 'http_method'],
    ['1st', 'key_1st'],
    ['a..b', 'a__b'],
    ['_x', '_x'],
    ['', undefined],
    ['...', undefined],
    ['größe', 'gr__e'],
  ]
  for (const [name, made] of cases) assert.equal(labelName(name, FULL), made, name)
  assert.equal(labelName('http.method', UTF8), 'http.method')
})

test('makes nothing that Prometheus would not read', () => {
  const type = fc.constantFrom<FamilyType>('counter', 'gauge', 'histogram', 'summary')
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, text, text, type, fc.boolean(), (name, unit, namespace, of, hasSuffixes) => {
      const naming = { namespace, hasSuffixes, isUtf8: false }
      const metric = metricName(name, unit, of, naming)
      if (metric !== undefined && namespace === '') assert.ok(isLegacyMetric(metric), metric)
      const label = labelName(name, naming)
      if (label !== undefined) assert.ok(isLegacyLabel(label), label)
    }),
  )
})
