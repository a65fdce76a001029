/** What stands beside weights: what they are, what they read, and the checksum of their file. */
import { z } from 'zod'

/** As in paths, so nothing else may be in them. */
export const MODEL_NAME = /^[a-z][a-z0-9_]{0,63}$/
export const MODEL_VERSION = /^\d{1,6}\.\d{1,6}\.\d{1,6}(\+\d{1,9})?$/

export const MANIFEST_FILE = 'manifest.json'
export const WEIGHTS_FILE = 'weights.bin'
export const CARD_FILE = 'card.md'

const share = z.number().min(0).max(1)

export const manifestSchema = z.strictObject({
  name: z.string().regex(MODEL_NAME).describe('Name of the model; its folder is called so.'),
  version: z.string().regex(MODEL_VERSION).describe('Version; the folder in the folder.'),
  kind: z.literal('network').describe('How the weights are to be read.'),
  features: z.array(z.string().min(1)).min(1).max(256).describe('Columns that it reads, in order.'),
  hidden: z.int().min(1).max(256).describe('Units of the hidden layer.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Checksum of the file with the weights.'),
  created: z.iso.datetime().describe('When it was trained.'),
  data: z.array(z.string()).describe('What it was trained on.'),
  rows: z.int().min(0).describe('Rows that it was trained on.'),
  scores: z
    .strictObject({
      auc: share.describe('Chance that a symptomatic row scores above a clean one.'),
      coverage: share.describe('Symptomatic rows above what 5 % of the clean ones pass.'),
    })
    .describe('On rows that training did not see.'),
})

export type Manifest = z.infer<typeof manifestSchema>

/** Later versions sort behind earlier ones, by number and not by text. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(text => text.split(/[.+]/).map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const step = (left[i] ?? 0) - (right[i] ?? 0)
    if (step !== 0) return step
  }
  return 0
}
