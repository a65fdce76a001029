/** Turns batches into text and hands it to an output: what both ways of taking batches share, with and without a queue. */
import type { Batch, Part } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Logger } from '../../core/logger.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { PARENT, ROW } from '../../otlp/request-index.ts'
import type { DebugConfig } from './config.ts'
import { type Counts, LogOutput, type Output, StreamOutput } from './output.ts'

/** Turns one request into text; loaded at start, and only where more than counts is wanted. */
type Describe = (signal: Signal, bytes: Uint8Array) => string

export class BatchPrinter {
  readonly #config: DebugConfig
  readonly #log: Logger
  readonly #sampler: PrintSampler
  #output: Output | undefined
  #describe: Describe | undefined

  constructor({ config, log, clock }: CreateContext<DebugConfig>) {
    this.#config = config
    this.#log = log
    this.#sampler = new PrintSampler(clock, config.sampling_initial, config.sampling_thereafter)
  }

  /** Rejects with the system's error when an output cannot be opened. */
  async start(): Promise<void> {
    const { verbosity, use_internal_logger, output_paths } = this.#config
    if (verbosity !== 'basic') this.#describe = await loadDescribe(verbosity)
    this.#output = use_internal_logger
      ? new LogOutput(this.#log)
      : await StreamOutput.open(output_paths ?? ['stdout'], this.#log)
  }

  get isOpen(): boolean {
    return this.#output !== undefined
  }

  /** Prints the batch if its turn has come; keeps nothing of it. */
  print(batch: Batch): void {
    if (this.#output === undefined || !this.#sampler.admits(batch.signal)) return
    this.#output.print(TITLES[batch.signal], countLevels(batch), this.#textOf(batch))
  }

  /** Safe twice. */
  async stop(): Promise<void> {
    const output = this.#output
    this.#output = undefined
    await output?.close()
  }

  #textOf({ signal, parts }: Batch): string {
    if (this.#describe === undefined) return ''
    try {
      return this.#describe(signal, flatten(encodeParts(parts)))
    } catch (cause) {
      // Only values nested deeper than protobufjs reads get here: the receiver has checked the rest.
      this.#log.warn('batch cannot be printed', { error: (cause as Error).message })
      return ''
    }
  }
}

const TITLES: Readonly<Record<Signal, string>> = {
  traces: 'Traces',
  metrics: 'Metrics',
  logs: 'Logs',
}

async function loadDescribe(verbosity: 'normal' | 'detailed'): Promise<Describe> {
  const { decodeRequest } = await import('./messages.ts')
  if (verbosity === 'normal') {
    const { normalText } = await import('./normal-text.ts')
    return (signal, bytes) => normalText(signal, decodeRequest(signal, bytes))
  }
  const { detailedText } = await import('./detailed-text.ts')
  return (signal, bytes) => detailedText(signal, decodeRequest(signal, bytes))
}

/** Groups as the collector names them, from the index alone. */
function countLevels(batch: Batch): Counts {
  switch (batch.signal) {
    case 'traces':
      return { 'resource spans': countGroups(batch, 0), spans: batch.items }
    case 'metrics': {
      const metrics = countGroups(batch, 2)
      return {
        'resource metrics': countGroups(batch, 0),
        metrics,
        'data points': batch.items,
      }
    }
    case 'logs':
      return { 'resource logs': countGroups(batch, 0), 'log records': batch.items }
  }
}

function countGroups(batch: Batch, level: number): number {
  return batch.parts.reduce((sum, part) => sum + countPartGroups(part, level), 0)
}

/** Rows of a level; where items are deselected, those that still have one. */
function countPartGroups({ index, selection }: Part, level: number): number {
  const { levels } = index
  if (selection === null) return levels[level].length / ROW
  const groups = new Set<number>()
  for (let item = 0; item < index.items; item++) {
    if (!selection.has(item)) continue
    let row = item
    for (let up = levels.length - 1; up > level; up--) row = levels[up][row * ROW + PARENT]
    groups.add(row)
  }
  return groups.size
}

/** Admits the first batches of each second and signal, then every Mth. */
class PrintSampler {
  readonly #clock: Clock
  readonly #initial: number
  readonly #thereafter: number
  readonly #seen = new Map<Signal, { second: number; batches: number }>(
    SIGNALS.map(signal => [signal, { second: -1, batches: 0 }]),
  )

  constructor(clock: Clock, initial: number, thereafter: number) {
    this.#clock = clock
    this.#initial = initial
    this.#thereafter = thereafter
  }

  admits(signal: Signal): boolean {
    const seen = this.#seen.get(signal)!
    const second = Math.floor(this.#clock.monotonic() / 1000)
    if (seen.second !== second) {
      seen.second = second
      seen.batches = 0
    }
    const after = ++seen.batches - this.#initial
    return after <= 0 || (this.#thereafter > 0 && after % this.#thereafter === 0)
  }
}
