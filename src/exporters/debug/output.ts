/** Where printed batches go: the process's log, or text streams that are bounded so that a slow reader cannot fill the memory. */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { Logger } from '../../core/logger.ts'

/** Bytes that may wait for the reader of one stream; beyond it batches go unprinted and are counted. */
const MAX_WAITING_BYTES = 8 << 20

export type Counts = Readonly<Record<string, number>>

export interface Output {
  /** `text` is empty at verbosity `basic`. */
  print(title: string, counts: Counts, text: string): void
  close(): Promise<void>
}

/** Through the process's log: the title with its counts, then the text as an event of its own. */
export class LogOutput implements Output {
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  print(title: string, counts: Counts, text: string): void {
    this.#log.info(title, counts)
    if (text !== '') this.#log.info(text)
  }

  async close(): Promise<void> {}
}

interface Target {
  readonly stream: NodeJS.WritableStream & { readonly writableLength: number }
  /** Opened by us, so closed by us. */
  readonly owned: boolean
  unprinted: number
}

/** Plain text, laid out as the collector's console encoder does. */
export class StreamOutput implements Output {
  readonly #targets: Target[]

  private constructor(targets: Target[]) {
    this.#targets = targets
  }

  /** Rejects with the system's error when a file cannot be opened. */
  static async open(paths: readonly string[], log: Logger): Promise<StreamOutput> {
    return new StreamOutput(await Promise.all(paths.map(path => openTarget(path, log))))
  }

  print(title: string, counts: Counts, text: string): void {
    const fields = Object.entries(counts).map(([name, count]) => `"${name}": ${count}`)
    const lines = `${title}\t{${fields.join(', ')}}\n${text === '' ? '' : `${text}\n`}`
    for (const target of this.#targets) {
      if (target.stream.writableLength > MAX_WAITING_BYTES) {
        target.unprinted++
        continue
      }
      if (target.unprinted > 0) {
        target.stream.write(`(${target.unprinted} batches unprinted: the reader is too slow)\n`)
        target.unprinted = 0
      }
      target.stream.write(lines)
    }
  }

  async close(): Promise<void> {
    for (const { stream, owned } of this.#targets.splice(0)) {
      if (!owned) continue
      stream.end()
      // A failed write has been logged already; closing goes on.
      await finished(stream).catch(() => {})
    }
  }
}

async function openTarget(path: string, log: Logger): Promise<Target> {
  if (path === 'stdout') return { stream: process.stdout, owned: false, unprinted: 0 }
  if (path === 'stderr') return { stream: process.stderr, owned: false, unprinted: 0 }
  const stream = createWriteStream(path, { flags: 'a' })
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve())
    stream.once('error', reject)
  })
  stream.removeAllListeners('error')
  stream.on('error', cause => log.error('debug output failed', { path, error: cause.message }))
  return { stream, owned: true, unprinted: 0 }
}
