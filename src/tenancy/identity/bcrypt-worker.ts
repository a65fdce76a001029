/**
 * Compares bcrypt hashes in a thread of its own: one comparison takes 50 ms and more, and in the main thread everybody would
 * wait for whoever tries passwords. The thread starts with the first comparison.
 */
import { Worker } from 'node:worker_threads'

/** Comparisons that wait; at 50 ms each the last one waits for three seconds. */
const MAX_WAITING = 64
const HEAP_LIMIT_MB = 64

/** Threads do not run TypeScript on every Node, and this much needs none. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
import(workerData).then(({ compareSync }) => {
  parentPort.on('message', ({ id, password, hash }) => {
    let isSame = false
    try { isSame = compareSync(password, hash) } catch {}
    parentPort.postMessage({ id, isSame })
  })
})`

type Settle = (answer: boolean | 'busy') => void

export class BcryptWorker {
  readonly #waiting = new Map<number, Settle>()
  #worker: Worker | null = null
  #lastId = 0

  /** `busy`: too many wait, or the thread failed. */
  compare(password: string, hash: string): Promise<boolean | 'busy'> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve('busy')
    const worker = (this.#worker ??= this.#start())
    const id = ++this.#lastId
    return new Promise(resolve => {
      this.#waiting.set(id, resolve)
      worker.postMessage({ id, password, hash })
    })
  }

  async stop(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    this.#failAll()
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, {
      eval: true,
      execArgv: [],
      workerData: import.meta.resolve('bcryptjs'),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    })
    worker.unref()
    worker.on('message', ({ id, isSame }: { id: number; isSame: boolean }) => {
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
