/** Configuration of `jaeger`. Keys and defaults are those that the OpenTelemetry Collector's exporter had until v0.85. */
import type { z } from 'zod'
import { compressionField, grpcEndpoint, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { checkSending } from '../sending/config.ts'
import { otlpGrpcFields } from '../sending/otlp-grpc-config.ts'
import { checkEndpoints } from '../sending/pool/check.ts'
import { endpointsFields } from '../sending/pool/config.ts'

const schema = section({
  endpoint: grpcEndpoint()
    .optional()
    .describe(
      'Where to send: host:port, mostly port 14250, with https:// for TLS or http:// for none, or unix:/path.',
    ),
  ...endpointsFields(grpcEndpoint()),
  ...otlpGrpcFields,
  compression: compressionField(['none', 'gzip', 'zstd', 'snappy'], 'none').describe(
    'Compression of requests; Jaeger reads gzip.',
  ),
})

export type JaegerConfig = z.output<typeof schema>

export const config: ConfigSpec<JaegerConfig> = { schema, check }

function check(config: JaegerConfig): ConfigProblem[] {
  return [...checkEndpoints(config, 'grpc', ['endpoint']), ...checkSending(config)]
}
