/** Configuration of `forward`: there is none. */
import type { z } from 'zod'
import { section } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const schema = section({})

export type ForwardConfig = z.output<typeof schema>

export const config: ConfigSpec<ForwardConfig> = { schema }
