/** Configuration of `zpages`: where the pages are served. Keys are upstream's. */
import { z } from 'zod'
import { listenEndpoint, section, tlsServer } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const schema = section({
  endpoint: listenEndpoint('localhost:55679').describe(
    'Address to listen on, host:port or unix:/path.',
  ),
  tls: tlsServer.describe('Speaks HTTPS; absent is plain HTTP.'),
  expvar: section({
    enabled: z
      .boolean()
      .default(false)
      .describe('Serves memory and CPU numbers of the runtime at /debug/expvarz.'),
  }).describe('Numbers of the runtime.'),
})

export type ZpagesConfig = z.output<typeof schema>

export const config: ConfigSpec<ZpagesConfig> = { schema }
