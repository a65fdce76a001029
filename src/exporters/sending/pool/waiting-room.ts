/** Requests for which every endpoint is busy: they wait in turn until one has room, or until their time is over. */
import type { Batch } from '../../../core/batch.ts'
import type { Abort } from '../../../util/abort.ts'
import type { Endpoint } from './endpoint.ts'
import type { Roster } from './roster.ts'

/** More are told to come again; a lane has fewer in flight unless its queue is off. */
export const MAX_WAITING = 1000

interface Waiting {
  readonly batch: Batch
  readonly avoided: Endpoint | null
  readonly settle: (choice: Endpoint | number | string) => void
}

export class WaitingRoom {
  readonly #roster: Roster
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>()

  constructor(roster: Roster) {
    this.#roster = roster
  }

  /**
   * The endpoint that has room now; or when to come again, as `Roster.take` says it; or a text that says why the wait was
   * in vain. A request to the endpoint follows.
   */
  wait(batch: Batch, avoided: Endpoint | null, abort: Abort): Promise<Endpoint | number | string> {
    if (abort.aborted) return Promise.resolve('the time was over before an endpoint had room')
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.resolve('every endpoint is busy and too many requests wait')
    }
    return new Promise(resolve => {
      const onAbort = (): void => {
        waiting.settle('no endpoint had room in time')
      }
      const waiting: Waiting = {
        batch,
        avoided,
        settle: choice => {
          this.#waiting.delete(waiting)
          abort.removeEventListener('abort', onAbort)
          resolve(choice)
        },
      }
      this.#waiting.add(waiting)
      abort.addEventListener('abort', onAbort)
    })
  }

  /** Something may have become free. */
  serve(): void {
    for (const waiting of this.#waiting) {
      if (!this.#roster.hasRoom) return
      const choice = this.#roster.take(waiting.batch, [], waiting.avoided)
      // What has room may be closed to this one's tenant and open to the next one's.
      if (choice !== 'wait') waiting.settle(choice)
    }
  }
}
