/** Schema of `service.telemetry`: the collector's own logs and metrics. Keys and defaults are upstream's. */
import { z } from 'zod'
import type { ConfigProblem } from '../core/factory.ts'
import { type HostPort, splitHostPort } from '../util/host-port.ts'
import { duration, hostPort, idle, integer, optionalSection, port, section } from './fields.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'dpanic', 'panic', 'fatal'] as const
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Upstream takes DEBUG and debug; the levels above error log what error logs. */
const logLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(LEVELS))
  .transform((level): LogLevel => (LEVELS.indexOf(level) > 3 ? 'error' : (level as LogLevel)))
  .prefault('info')

const logs = section({
  level: logLevel.describe('Least severe level to log: debug, info, warn or error.'),
  encoding: z
    .enum(['json', 'console'])
    .default('json')
    .describe('JSON lines, or lines for people.'),
  output_paths: z
    .array(z.string())
    .default(['stderr'])
    .describe('Where logs go: stdout, stderr or file paths.'),
  error_output_paths: idle(
    z
      .array(z.string())
      .default(['stderr'])
      .describe("Accepted for upstream's sake; errors of the logger itself go to stderr."),
  ),
  initial_fields: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Fields added to every line.'),
  sampling: section({
    enabled: z.boolean().default(true).describe('Limits repeated messages.'),
    tick: duration('10s').describe('Interval over which equal messages are counted.'),
    initial: integer(10).describe('Equal messages shown in an interval.'),
    thereafter: integer(100).describe('After those, one in so many is shown.'),
  }).describe('Limits repeated messages.'),
  development: idle(
    z.boolean().default(false).describe("Accepted for upstream's sake; no effect."),
  ),
  disable_caller: idle(
    z.boolean().default(false).describe("Accepted for upstream's sake; no effect."),
  ),
  disable_stacktrace: idle(
    z.boolean().default(false).describe("Accepted for upstream's sake; lines have no stacks."),
  ),
  disable_zap_resource: idle(
    z.boolean().default(false).describe("Accepted for upstream's sake; no effect."),
  ),
  processors: idle(
    z.array(z.unknown()).default([]).describe('Accepted; logs are not sent by OTLP.'),
  ),
})

const prometheus = section({
  host: z.string().default('localhost').describe('Address to listen on.'),
  port: port(8888).describe('Port to listen on.'),
  without_scope_info: idle(z.boolean().default(true).describe("Accepted for upstream's sake.")),
  without_units: idle(z.boolean().default(true).describe("Accepted for upstream's sake.")),
  without_type_suffix: idle(z.boolean().default(true).describe("Accepted for upstream's sake.")),
  with_resource_constant_labels: idle(
    z.unknown().optional().describe("Accepted for upstream's sake."),
  ),
  translation_strategy: idle(z.string().optional().describe("Accepted for upstream's sake.")),
})

const reader = z.strictObject({
  pull: optionalSection({
    exporter: z
      .strictObject({ prometheus: prometheus.describe('Prometheus exposition.') })
      .describe('In what format.'),
  })
    .optional()
    .describe('Metrics that are fetched.'),
  periodic: idle(
    z.unknown().optional().describe('Accepted with a warning; metrics are not pushed.'),
  ),
})

const metricsLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['none', 'basic', 'normal', 'detailed']))

const metrics = section({
  level: metricsLevel
    .prefault('normal')
    .describe('none switches self-metrics off; the other levels show the same metrics.'),
  address: hostPort()
    .optional()
    .describe('Older way to say where to listen, host:port. `readers` is preferred.'),
  readers: z
    .array(reader)
    .default([{ pull: { exporter: { prometheus: prometheus.parse({}) } } }])
    .describe('Where self-metrics can be fetched.'),
  views: idle(z.array(z.unknown()).optional().describe("Accepted for upstream's sake; no effect.")),
})

const traces = section({
  level: idle(
    metricsLevel.prefault('none').describe('Accepted; the collector makes no spans of its own.'),
  ),
  propagators: idle(z.array(z.string()).default([]).describe('Accepted; no effect.')),
  processors: idle(z.array(z.unknown()).default([]).describe('Accepted; no effect.')),
  sampler: idle(z.unknown().optional().describe('Accepted; no effect.')),
  limits: idle(z.unknown().optional().describe('Accepted; no effect.')),
})

/** `service.telemetry`. */
export const telemetrySection = section({
  logs: logs.describe("The collector's own logs."),
  metrics: metrics.describe("The collector's own metrics."),
  traces: traces.describe("The collector's own traces."),
  resource: idle(
    z
      .record(z.string(), z.unknown())
      .default({})
      .describe("Accepted for upstream's sake; self-metrics carry no resource."),
  ),
})

export type TelemetryConfig = z.output<typeof telemetrySection>

/** Keys of upstream's newer form of `resource`; all others are attributes in the older form. */
const RESOURCE_KEYS = [
  'attributes',
  'attributes_list',
  'detection/development',
  'detectors',
  'schema_url',
]

/** Rules between keys that upstream has too. */
export function checkTelemetry({ metrics, resource }: TelemetryConfig): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (metrics.level !== 'none' && metrics.readers.length === 0 && metrics.address === undefined) {
    const expected = 'a reader, or level: none'
    problems.push({ path: ['metrics', 'readers'], message: 'has no reader', expected })
  }
  if (metrics.views !== undefined && metrics.level !== 'detailed') {
    const expected = 'metrics.level: detailed'
    problems.push({ path: ['metrics', 'views'], message: 'is for detailed metrics only', expected })
  }
  for (const [key, value] of Object.entries(resource)) {
    if (value === null || typeof value === 'string' || RESOURCE_KEYS.includes(key)) continue
    problems.push({ path: ['resource', key], message: 'is not a text', expected: 'a text or null' })
  }
  return problems
}

/** Where self-metrics are to be served: none if switched off, one address for each reader. */
export function metricsListeners(telemetry: TelemetryConfig): readonly HostPort[] {
  if (telemetry.metrics.level === 'none') return []
  if (telemetry.metrics.address !== undefined) {
    const parts = splitHostPort(telemetry.metrics.address)
    if (typeof parts !== 'string') return [parts]
  }
  return telemetry.metrics.readers.flatMap(({ pull }) => {
    const target = pull?.exporter.prometheus
    return target === undefined ? [] : [{ host: target.host, port: target.port }]
  })
}
