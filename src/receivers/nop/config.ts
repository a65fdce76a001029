/** Configuration of `nop`: there is none. */
import type { z } from 'zod'
import { section } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const schema = section({})

export type NopConfig = z.output<typeof schema>

export const config: ConfigSpec<NopConfig> = { schema }
