/** Configuration of `zipkin`: the keys of an HTTP server at the top, as upstream has them. */
import { z } from 'zod'
import { section } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'
import { checkServer, httpServerFields, MAX_TRANSLATED_MIB } from '../intake/server-config.ts'

const schema = section({
  ...httpServerFields('localhost:9411', MAX_TRANSLATED_MIB),
  parse_string_tags: z
    .boolean()
    .default(false)
    .describe('Makes integers, floats and booleans of tags whose texts read like them.'),
})

export type ZipkinReceiverConfig = z.output<typeof schema>

export const config: ConfigSpec<ZipkinReceiverConfig> = {
  schema,
  check: server => checkServer([], server),
}
