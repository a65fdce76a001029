/** The pieces of `include` and `exclude` that several processors share. */
import { z } from 'zod'
import { optionalSection } from './basic.ts'

export const texts = (text: string) => z.array(z.string()).optional().describe(text)

/** Pairs of a key and, if it matters, the value. */
export const attributeMatches = (text: string) =>
  z
    .array(
      z.strictObject({
        key: z.string().min(1).describe('Key of the attribute.'),
        value: z
          .unknown()
          .optional()
          .describe('Its value; without one the key must only be there.'),
      }),
    )
    .optional()
    .describe(text)

export const libraryMatches = (text: string) =>
  z
    .array(
      z.strictObject({
        name: z.string().describe('Name of the scope.'),
        version: z.string().optional().describe('Its version; any if not said.'),
      }),
    )
    .optional()
    .describe(text)

/** Accepted for upstream's sake: compiled patterns need no cache. */
export const regexpCache = () =>
  optionalSection({
    cacheenabled: z.boolean().default(false).describe("Accepted for upstream's sake; no effect."),
    cachemaxnumentries: z.int().default(0).describe("Accepted for upstream's sake; no effect."),
  }).describe('How upstream remembers the answers of patterns.')
