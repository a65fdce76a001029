/** Configuration of `health_check`: where and under which path health is told. Keys are upstream's. */
import { z } from 'zod'
import {
  duration,
  idle,
  integer,
  listenEndpoint,
  optionalSection,
  section,
  textField,
  tlsServer,
  wrong,
} from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const NO_EFFECT = "Accepted for upstream's sake, where it does not work either; no effect."

const schema = section({
  endpoint: listenEndpoint('localhost:13133').describe(
    'Address to listen on, host:port or unix:/path.',
  ),
  path: textField(readPath, { type: 'string' })
    .prefault('/' as never)
    .describe('Path that is answered; one that ends with "/" also answers for everything below.'),
  response_body: optionalSection({
    healthy: z.string().default('').describe('Body of the answer when healthy.'),
    unhealthy: z.string().default('').describe('Body of the answer when not healthy.'),
  }).describe('Fixed texts instead of the JSON body.'),
  tls: tlsServer.describe('Speaks HTTPS; absent is plain HTTP.'),
  check_collector_pipeline: idle(
    section({
      enabled: z.boolean().default(false).describe(NO_EFFECT),
      interval: duration('5m').describe(NO_EFFECT),
      exporter_failure_threshold: integer(5, { min: 1 }).describe(NO_EFFECT),
    }).describe(NO_EFFECT),
  ),
})

export type HealthCheckConfig = z.output<typeof schema>

export const config: ConfigSpec<HealthCheckConfig> = { schema }

function readPath(text: string): string | ReturnType<typeof wrong> {
  return /^\/[^?#\s]*$/.test(text)
    ? text
    : wrong('is not a path that starts with "/"', '/ or, for instance, /health/status')
}
