/**
 * Lets a few syncs run at once, in the order of asking. Each blocks a thread of the pool that also does all other work on
 * files, and disks gain nothing from more.
 */

import { Fifo } from '../../util/fifo.ts'
import type { Done, WalFs } from './fs.ts'

/** Of four threads in the pool by default, one stays free. */
const MAX_AT_ONCE = 3

export class SyncGate {
  readonly #fs: WalFs
  readonly #waiting = new Fifo<{ readonly fd: number; readonly done: Done }>()
  #running = 0

  constructor(fs: WalFs) {
    this.#fs = fs
  }

  sync(fd: number, done: Done): void {
    if (this.#running < MAX_AT_ONCE) this.#run(fd, done)
    else this.#waiting.push({ fd, done })
  }

  #run(fd: number, done: Done): void {
    this.#running++
    this.#fs.sync(fd, error => {
      this.#running--
      const next = this.#waiting.shift()
      if (next !== undefined) this.#run(next.fd, next.done)
      done(error)
    })
  }
}
