/**
 * Compares passwords with slow hashes in a thread of its own: one comparison takes up to 100 ms, and in the main thread
 * everybody would wait for whoever tries passwords. The thread starts with the first comparison.
 */
import { fileURLToPath } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { StoredPassword } from './htpasswd.ts'

/** Comparisons that wait; at 50 ms each the last one waits for three seconds. */
const MAX_WAITING = 64
const HEAP_LIMIT_MB = 64

export interface SlowQuestion {
  readonly id: number
  readonly password: string
  readonly stored: StoredPassword
}

export interface SlowAnswer {
  readonly id: number
  readonly isSame: boolean
}

type Settle = (answer: boolean | 'busy') => void

export class SlowPasswords {
  readonly #waiting = new Map<number, Settle>()
  #worker: Worker | null = null
  #lastId = 0
  #isStopped = false

  /** `busy`: too many wait, there is no thread, or it is over. */
  compare(password: string, stored: StoredPassword): Promise<boolean | 'busy'> {
    if (this.#isStopped || this.#waiting.size >= MAX_WAITING) return Promise.resolve('busy')
    let worker: Worker
    try {
      worker = this.#worker ??= this.#start()
    } catch {
      return Promise.resolve('busy')
    }
    const question: SlowQuestion = { id: ++this.#lastId, password, stored }
    return new Promise(resolve => {
      this.#waiting.set(question.id, resolve)
      worker.postMessage(question)
    })
  }

  async stop(): Promise<void> {
    const worker = this.#worker
    this.#isStopped = true
    this.#worker = null
    this.#failAll()
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = startThread({ resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB } })
    worker.unref()
    worker.on('message', ({ id, isSame }: SlowAnswer) => {
      this.#waiting.get(id)?.(isSame)
      this.#waiting.delete(id)
    })
    const failed = (): void => {
      if (this.#worker !== worker) return
      this.#worker = null
      this.#failAll()
    }
    worker.on('error', failed)
    worker.on('exit', failed)
    return worker
  }

  #failAll(): void {
    for (const settle of this.#waiting.values()) settle('busy')
    this.#waiting.clear()
  }
}

/** Threads do not run TypeScript on every Node; from source what loads the sources is loaded there too. */
function startThread(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./password-worker.js', import.meta.url), options)
  }
  const program = `require('tsx/cjs'); require(require('node:worker_threads').workerData)`
  const workerData = fileURLToPath(new URL('./password-worker.ts', import.meta.url))
  return new Worker(program, { ...options, eval: true, execArgv: [], workerData })
}
