/** Configuration of `zipkin`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
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
    .describe('URL to post to, used as it is, such as http://localhost:9411/api/v2/spans.'),
  ...endpointsFields(httpEndpoint()),
  format: z.enum(['json', 'proto']).default('json').describe('Encoding of the messages.'),
  default_service_name: z
    .string()
    .default('unknown_service')
    .describe('Name of services that have none.'),
  ...httpClientFields('none'),
  ...sendingFields('5s'),
})

export type ZipkinConfig = z.output<typeof schema>

export const config: ConfigSpec<ZipkinConfig> = { schema, check }

function check(config: ZipkinConfig): ConfigProblem[] {
  return [...checkEndpoints(config, 'http', ['endpoint']), ...checkSending(config)]
}
