/** The list of actions on attributes, which several processors share. */
import { z } from 'zod'

const ACTIONS = ['insert', 'update', 'upsert', 'delete', 'hash', 'extract', 'convert'] as const

export type ActionName = (typeof ACTIONS)[number]

const action = z.strictObject({
  key: z.string().default('').describe('Attribute that is acted upon.'),
  action: z
    .preprocess(value => (typeof value === 'string' ? value.toLowerCase() : value), z.enum(ACTIONS))
    .describe('What is done with it: insert, update, upsert, delete, hash, extract, convert.'),
  value: z.unknown().optional().describe('insert, update, upsert: what it becomes.'),
  from_attribute: z
    .string()
    .default('')
    .describe('insert, update, upsert: attribute whose value it takes.'),
  from_context: z
    .string()
    .default('')
    .describe(
      'insert, update, upsert: what is known of the client: metadata.<key>, auth.<key>, client.address.',
    ),
  default_value: z
    .unknown()
    .optional()
    .describe('insert, update, upsert: what it becomes when its source has nothing.'),
  pattern: z
    .string()
    .default('')
    .describe(
      'delete, hash: regular expression of keys, beside `key`; extract: of the value, its named groups are the new keys.',
    ),
  converted_type: z.string().default('').describe('convert: int, double or string.'),
})

export type AttributeAction = z.output<typeof action>

/** Absent and null are an empty list, which the processors refuse in their own words. */
export function attributeActions(text: string): z.ZodType<readonly AttributeAction[]> {
  return z
    .preprocess(value => value ?? [], z.array(action))
    .prefault([] as never)
    .describe(text) as unknown as z.ZodType<readonly AttributeAction[]>
}
