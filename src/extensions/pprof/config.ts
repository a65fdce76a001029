/** Configuration of `pprof`. Keys are upstream's; those that are about Go's runtime have no effect. */
import { z } from 'zod'
import { idle, listenEndpoint, section } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const schema = section({
  endpoint: listenEndpoint('localhost:1777').describe(
    'Address to listen on, host:port or unix:/path.',
  ),
  block_profile_fraction: idle(
    z
      .int()
      .default(0)
      .describe('Accepted; no effect, since JavaScript does not block on channels.'),
  ),
  mutex_profile_fraction: idle(
    z.int().default(0).describe('Accepted; no effect, since JavaScript has no contended locks.'),
  ),
  save_to_file: z
    .string()
    .default('')
    .describe(
      'File for a CPU profile from the start to the stop, at most the first hour; empty is none.',
    ),
})

export type PprofConfig = z.output<typeof schema>

export const config: ConfigSpec<PprofConfig> = { schema }
