/** Configuration of `otlp`: the keys and defaults of the Go collector, except that requests may have 64 MiB. */
import type { z } from 'zod'
import { idle, optionalSection, section, urlPath } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { HTTP_EXPORT_PATH } from '../../core/signal.ts'
import { checkServer, grpcServerFields, httpServerFields } from '../intake/server-config.ts'

const grpc = optionalSection(grpcServerFields('localhost:4317')).describe(
  'OTLP over gRPC; present, even empty, means on.',
)

const http = optionalSection({
  ...httpServerFields('localhost:4318'),
  traces_url_path: urlPath(HTTP_EXPORT_PATH.traces).describe('Path of the traces.'),
  metrics_url_path: urlPath(HTTP_EXPORT_PATH.metrics).describe('Path of the metrics.'),
  logs_url_path: urlPath(HTTP_EXPORT_PATH.logs).describe('Path of the logs.'),
  profiles_url_path: idle(
    urlPath('/v1development/profiles').describe(
      'Accepted for compatibility; profiles are not received.',
    ),
  ),
}).describe('OTLP over HTTP; present, even empty, means on.')

const schema = section({
  protocols: section({ grpc, http }).describe('At least one of `grpc` and `http`.'),
})

export type OtlpReceiverConfig = z.output<typeof schema>
export type HttpConfig = NonNullable<OtlpReceiverConfig['protocols']['http']>

export const config: ConfigSpec<OtlpReceiverConfig> = { schema, check }

function check({ protocols }: OtlpReceiverConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (protocols.grpc === undefined && protocols.http === undefined) {
    problems.push({
      path: ['protocols'],
      message: 'must specify at least one protocol when using the OTLP receiver',
      expected: 'grpc, http or both',
    })
  }
  for (const name of ['grpc', 'http'] as const) {
    const protocol = protocols[name]
    if (protocol !== undefined) problems.push(...checkServer(['protocols', name], protocol))
  }
  return problems
}
