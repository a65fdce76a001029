/** Configuration of `otlp_http`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
import { z } from 'zod'
import { httpEndpoint, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { checkSending, sendingFields } from '../sending/config.ts'
import { httpClientFields } from '../sending/http-client-config.ts'
import { checkEndpoints } from '../sending/pool/check.ts'
import { endpointsFields } from '../sending/pool/config.ts'

const schema = section({
  endpoint: httpEndpoint()
    .optional()
    .describe('URL of the backend; /v1/traces, /v1/metrics and /v1/logs are appended.'),
  traces_endpoint: httpEndpoint().optional().describe('URL for traces, used as it is.'),
  metrics_endpoint: httpEndpoint().optional().describe('URL for metrics, used as it is.'),
  logs_endpoint: httpEndpoint().optional().describe('URL for logs, used as it is.'),
  ...endpointsFields(httpEndpoint()),
  encoding: z.enum(['proto', 'json']).default('proto').describe('Encoding of the messages.'),
  ...httpClientFields('gzip'),
  ...sendingFields('30s'),
})

export type OtlpHttpConfig = z.output<typeof schema>

export const config: ConfigSpec<OtlpHttpConfig> = { schema, check }

function check(config: OtlpHttpConfig): ConfigProblem[] {
  const keys = ['endpoint', 'traces_endpoint', 'metrics_endpoint', 'logs_endpoint'] as const
  return [...checkEndpoints(config, 'http', keys), ...checkSending(config)]
}
