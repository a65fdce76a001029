/** The part of an exporter's configuration that says to which endpoints it sends and how it chooses. All of it is ours. */
import { z } from 'zod'
import {
  duration,
  headersMap,
  integer,
  optionalSection,
  port,
  section,
} from '../../../config/fields.ts'
import { breakerFields } from '../config.ts'

/** More would make every choice slow, and each has its own connections. */
export const MAX_ENDPOINTS = 64

const share = (text: string, preset: number) =>
  z.number().gt(0).max(1).default(preset).describe(text)

const checkFields = {
  protocol: z
    .enum(['auto', 'grpc', 'http', 'tcp'])
    .default('auto')
    .describe(
      'grpc asks grpc.health.v1, http gets a path, tcp connects; auto is grpc for gRPC exporters and tcp for others.',
    ),
  interval: duration('10s', { minMs: 100 }).describe('From the end of a check to the next.'),
  jitter: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Spread of the interval: 0.1 is a tenth more or less.'),
  timeout: duration('2s', { positive: true }).describe(
    'A check without an answer has failed then.',
  ),
  healthy_threshold: integer(2, { min: 1 }).describe('Passed checks in a row that end the fault.'),
  unhealthy_threshold: integer(3, { min: 1 }).describe(
    'Failed checks in a row that take an endpoint out; the very first check decides alone.',
  ),
  service: z.string().default('').describe('grpc: service that is asked for; empty is the server.'),
  path: z.string().startsWith('/').default('/').describe('http: path that is fetched.'),
  port: port(0).describe("Port to check; 0 is the endpoint's own."),
  headers: headersMap.describe(
    'grpc, http: sent with each check, such as credentials; the values are secret.',
  ),
  expected_status: z
    .array(z.int().min(100).max(599))
    .default([])
    .describe('http: status codes that pass; empty is any 2xx.'),
}

const passiveFields = {
  consecutive_failures: integer(3, { min: 1 }).describe('Failed requests in a row.'),
  unhealthy_for: duration('10s', { positive: true }).describe(
    'So long it is avoided; the next failure after that is enough to avoid it again.',
  ),
}

const ejectionFields = {
  interval: duration('10s', { minMs: 100 }).describe('How often endpoints are compared.'),
  min_requests: integer(20, { min: 1 }).describe('Only endpoints with so many are compared.'),
  failure_ratio: share(
    'Ejected when at least this share of its requests failed, if peer_factor holds too.',
    0.3,
  ),
  peer_factor: z
    .number()
    .min(1)
    .default(3)
    .describe(
      'The share must also be so many times that of the others: what fails for all is no outlier.',
    ),
  latency_factor: z
    .number()
    .min(0)
    .default(3)
    .describe('Ejected when answers take so many times the median of the others; 0 never.'),
  min_latency: duration('100ms').describe('Answers faster than this are never too slow.'),
  base_ejection_time: duration('30s', { positive: true }).describe(
    'First ejection; each further one in a row is longer by as much.',
  ),
  max_ejection_time: duration('5m', { positive: true }).describe('Longest ejection.'),
  max_ejection_percent: integer(50, { min: 1, max: 100 }).describe(
    'Most endpoints that are ejected at a time; one may always be, the last never.',
  ),
}

const concurrencyFields = {
  algorithm: z
    .enum(['gradient', 'aimd'])
    .default('gradient')
    .describe(
      'gradient follows how answer times change; aimd grows step by step and falls at failures.',
    ),
  initial: integer(10, { min: 1 }).describe('Requests in flight to one endpoint at first.'),
  min: integer(1, { min: 1 }).describe('Least limit.'),
  max: integer(100, { min: 1 }).describe('Greatest limit.'),
  latency_tolerance: z
    .number()
    .min(1)
    .default(1.5)
    .describe('gradient: answers that take so many times the usual are no reason to slow down.'),
  backoff_ratio: z
    .number()
    .min(0.1)
    .lt(1)
    .default(0.9)
    .describe('What a failure leaves of the limit, at most once in 100ms.'),
}

const balancingFields = {
  strategy: z
    .enum(['round_robin', 'weighted', 'least_requests', 'latency', 'ip_hash', 'consistent_hash'])
    .default('round_robin')
    .describe('How the endpoint of a request is chosen among those that are well.'),
  hash_on: z
    .enum(['tenant', 'trace_id', 'metadata', 'peer'])
    .default('tenant')
    .describe('consistent_hash: what goes to one endpoint together; trace_id cuts requests.'),
  hash_metadata_key: z
    .string()
    .default('')
    .describe('consistent_hash on metadata: the key; requests without it go by tenant.'),
  max_tries: integer(3, { min: 1, max: 16 }).describe(
    'Endpoints that one attempt asks at most, the next at once when one cannot take it.',
  ),
  try_timeout: duration('0s').describe(
    'Longest wait for one of them; 0 is the timeout of the whole attempt.',
  ),
  panic_threshold: integer(0, { max: 100 }).describe(
    'When less than this percentage of the endpoints is well, all are used; 0 is when none is.',
  ),
  resolve: optionalSection({
    interval: duration('30s', { minMs: 1000 }).describe('How often names are looked up.'),
    timeout: duration('5s', { positive: true }).describe('A look-up without an answer has failed.'),
  }).describe('Looks names up and makes every address an endpoint of its own.'),
  health_check: optionalSection(checkFields).describe('Asks each endpoint whether it is well.'),
  passive_health_check: optionalSection(passiveFields).describe(
    'Avoids an endpoint after requests that failed.',
  ),
  outlier_ejection: optionalSection(ejectionFields).describe(
    'Takes out endpoints that fail more or answer slower than the others.',
  ),
  circuit_breaker: section(
    breakerFields(
      { consecutive: 5, ratio: 0.5, requests: 20 },
      'Sends nothing to an endpoint that fails but single tries, for all tenants.',
    ),
  ).describe('When to leave an endpoint alone for a while, on by default.'),
  adaptive_concurrency: optionalSection(concurrencyFields).describe(
    'Finds how many requests at a time an endpoint can bear.',
  ),
}

/** Zod pieces for an exporter's schema; `endpoint` judges the text of one. */
export function endpointsFields(endpoint: z.ZodType<string>) {
  const fields = z.strictObject({
    endpoint: endpoint.describe('Where to send, as in endpoint.'),
    weight: integer(1, { min: 1, max: 1000 }).describe('Its share next to the weights of others.'),
  })
  const one = z
    .preprocess(value => (typeof value === 'string' ? { endpoint: value } : value), fields)
    .meta({ type: ['object', 'string'] }) as unknown as z.ZodType<EndpointConfig>
  return {
    endpoints: z
      .array(one)
      .min(1)
      .max(MAX_ENDPOINTS)
      .optional()
      .describe('Several places that take the same data, instead of endpoint; texts or objects.'),
    balancing: optionalSection(balancingFields).describe('How endpoints are chosen and watched.'),
  }
}

export interface EndpointConfig {
  readonly endpoint: string
  readonly weight: number
}

const presets = section(balancingFields)
export type BalancingConfig = z.output<typeof presets>
export type HealthCheckConfig = NonNullable<BalancingConfig['health_check']>
export type PassiveConfig = NonNullable<BalancingConfig['passive_health_check']>
export type EjectionConfig = NonNullable<BalancingConfig['outlier_ejection']>
export type ConcurrencyConfig = NonNullable<BalancingConfig['adaptive_concurrency']>

/** What `endpoints` means without `balancing`. */
export function defaultBalancing(): BalancingConfig {
  return presets.parse({})
}

/** What an exporter with `endpointsFields` has in its configuration. */
export interface EndpointsConfig {
  readonly endpoints?: readonly EndpointConfig[]
  readonly balancing?: BalancingConfig
}
