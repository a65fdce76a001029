/** Configuration of `prometheus`. Keys and defaults are upstream's; the address is on localhost, and what is kept has a bound. */
import { z } from 'zod'
import {
  authField,
  byteSize,
  corsField,
  duration,
  idle,
  integer,
  listenEndpoint,
  section,
  tlsServer,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { optionalSendingQueue } from '../sending/config.ts'
import type { Naming } from './names.ts'

const STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const

/** Of an HTTP server; a page of metrics has fixed limits. */
const idleServer = {
  transport: idle(
    z
      .enum(['tcp', 'tcp4', 'tcp6', 'unix'])
      .default('tcp')
      .describe('Accepted for compatibility; `endpoint` says what it is.'),
  ),
  cors: idle(corsField.describe('Accepted for compatibility; scripts of web pages do not scrape.')),
  max_request_body_size: idle(
    byteSize(0).describe('Accepted for compatibility; requests have no body.'),
  ),
  include_metadata: idle(z.boolean().default(false).describe('Accepted for compatibility.')),
  compression_algorithms: idle(
    z.array(z.string()).default([]).describe('Accepted for compatibility; gzip as asked for.'),
  ),
  read_timeout: idle(duration('0s').describe('Accepted for compatibility; 5 s.')),
  read_header_timeout: idle(duration('0s').describe('Accepted for compatibility; 5 s.')),
  write_timeout: idle(duration('0s').describe('Accepted for compatibility; 90 s of silence.')),
  idle_timeout: idle(duration('0s').describe('Accepted for compatibility; 15 s.')),
  keep_alives_enabled: idle(z.boolean().default(true).describe('Accepted for compatibility.')),
}

const schema = section({
  endpoint: listenEndpoint('localhost:8889').describe(
    'Address to serve `/metrics` on, host:port or unix:/path.',
  ),
  tls: tlsServer.describe('Speaks HTTPS; absent is plain HTTP.'),
  auth: authField.describe('Authenticator that checks every scrape.'),
  response_headers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Headers added to every answer.'),
  ...idleServer,
  sending_queue: optionalSendingQueue.describe('A queue before what is kept; none if absent.'),
  namespace: z.string().default('').describe('Put before names of metrics.'),
  const_labels: z
    .preprocess(
      value => (value === null ? {} : value),
      z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)),
    )
    .default({})
    .describe('Labels of every metric.'),
  send_timestamps: z.boolean().default(false).describe('Tells the times of the points.'),
  metric_expiration: duration('5m').describe(
    'A series without points for so long is forgotten; 0 keeps it.',
  ),
  resource_to_telemetry_conversion: section({
    enabled: z.boolean().default(false).describe('Makes labels of all attributes of resources.'),
    exclude_service_attributes: z
      .boolean()
      .default(false)
      .describe('But of those that `job` and `instance` are made of.'),
  }).describe('Attributes of resources on every series.'),
  enable_open_metrics: z
    .boolean()
    .default(false)
    .describe('Answers in OpenMetrics, with exemplars, who asks for it.'),
  without_scope_info: z.boolean().default(false).describe('Leaves labels of the scope out.'),
  add_metric_suffixes: z
    .boolean()
    .default(true)
    .describe('Adds units and types to names; `translation_strategy` overrules it.'),
  translation_strategy: z
    .enum(['', ...STRATEGIES])
    .default('')
    .describe('How names are made; empty is `UnderscoreEscapingWithSuffixes`.'),
  max_series: integer(100_000, { min: 1 }).describe(
    'Series that are kept; points of others are dropped. Not known upstream.',
  ),
})

export type PrometheusConfig = z.output<typeof schema>

export const config: ConfigSpec<PrometheusConfig> = { schema, check }

/** How this configuration names things. */
export function namingOf(config: PrometheusConfig): Naming {
  const { namespace, translation_strategy, add_metric_suffixes } = config
  const isGiven = translation_strategy !== ''
  return {
    namespace,
    hasSuffixes: isGiven ? translation_strategy.endsWith('WithSuffixes') : add_metric_suffixes,
    isUtf8: translation_strategy.startsWith('No'),
  }
}

function check({ endpoint }: PrometheusConfig): ConfigProblem[] {
  if (endpoint.trim() !== '') return []
  const message = 'expecting a non-blank address to run the Prometheus metrics handler'
  return [{ path: ['endpoint'], message }]
}
