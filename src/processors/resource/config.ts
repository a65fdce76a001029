/** Configuration of `resource`. Keys and checks are upstream's. */
import type { z } from 'zod'
import { attributeActions } from '../../config/fields/attribute-actions.ts'
import { section } from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'
import { checkActions } from '../../rules/apply/check-actions.ts'

const schema = section({
  attributes: attributeActions("What is done with the resource's attributes, in this order."),
})

export type ResourceConfig = z.output<typeof schema>

export const config: ConfigSpec<ResourceConfig> = {
  schema,
  check: ({ attributes }) => checkActions(attributes, ['attributes']),
}
