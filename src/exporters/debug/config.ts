/** Configuration of `debug`: how much is printed, how often, and where. Keys are upstream's. */
import { z } from 'zod'
import { integer, section, textField, wrong } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { optionalSendingQueue } from '../sending/config.ts'

const VERBOSITIES = ['basic', 'normal', 'detailed'] as const
export type Verbosity = (typeof VERBOSITIES)[number]

const schema = section({
  verbosity: textField<Verbosity>(readVerbosity, { type: 'string', enum: [...VERBOSITIES] })
    .prefault('basic')
    .describe('`basic` prints counts, `normal` one line per item, `detailed` every field.'),
  sampling_initial: integer(2).describe('Batches of a signal printed in each second, at first.'),
  sampling_thereafter: integer(1).describe(
    'After those, every Mth batch of that second is printed; 0 prints none of them.',
  ),
  use_internal_logger: z
    .boolean()
    .default(true)
    .describe("Prints through the process's JSON log; false prints plain text to `output_paths`."),
  output_paths: z
    .array(z.string().min(1))
    .optional()
    .describe('Where plain text goes: `stdout` (the default), `stderr`, or files to append to.'),
  sending_queue: optionalSendingQueue.describe('A queue before printing; there is none if absent.'),
})

export type DebugConfig = z.output<typeof schema>

export const config: ConfigSpec<DebugConfig> = { schema, check }

function readVerbosity(text: string): Verbosity | ReturnType<typeof wrong> {
  const found = VERBOSITIES.find(verbosity => verbosity === text.toLowerCase())
  return found ?? wrong('is not a supported verbosity', `one of ${VERBOSITIES.join(', ')}`)
}

function check({ use_internal_logger, output_paths }: DebugConfig): ConfigProblem[] {
  if (output_paths === undefined) return []
  const path = ['output_paths']
  if (use_internal_logger) {
    const message = 'output_paths is not supported when use_internal_logger is true'
    return [{ path, message, expected: 'use_internal_logger: false beside it' }]
  }
  if (output_paths.length > 0) return []
  const message = 'output_paths must not be empty when use_internal_logger is false'
  return [{ path, message, expected: 'stdout, stderr or file paths' }]
}
