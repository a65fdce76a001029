/** Configuration of `otlp_grpc`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
import type { z } from 'zod'
import { grpcEndpoint, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { checkSending } from '../sending/config.ts'
import { otlpGrpcFields } from '../sending/otlp-grpc-config.ts'
import { checkEndpoints } from '../sending/pool/check.ts'
import { endpointsFields } from '../sending/pool/config.ts'

const schema = section({
  endpoint: grpcEndpoint()
    .optional()
    .describe(
      'Where to send: host:port, with https:// for TLS or http:// for none, or unix:/path.',
    ),
  ...endpointsFields(grpcEndpoint()),
  ...otlpGrpcFields,
})

export type OtlpGrpcConfig = z.output<typeof schema>

export const config: ConfigSpec<OtlpGrpcConfig> = { schema, check }

function check(config: OtlpGrpcConfig): ConfigProblem[] {
  return [...checkEndpoints(config, 'grpc', ['endpoint']), ...checkSending(config)]
}
