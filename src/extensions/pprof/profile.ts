/**
 * V8's profilers through an inspector session of our own: no port is opened and nothing else can be done with it.
 * Apart from the pages because `save_to_file` profiles without any page.
 */
import { Session } from 'node:inspector'

/** What can be profiled: start and stop of the protocol, and what a stop answers. */
export type ProfileKind = 'cpu' | 'heap'

/** As Go's CPU profiler by default, 100 samples a second, where a profile may last long. */
export const COARSE_INTERVAL_US = 10_000
/** V8's default. */
export const FINE_INTERVAL_US = 1000

/** Average bytes between sampled allocations; V8's default, cheap enough for production. */
const HEAP_INTERVAL_BYTES = 32_768

/** A profile that is being taken. */
export class Profile {
  readonly #session = new Session()
  readonly #kind: ProfileKind

  private constructor(kind: ProfileKind) {
    this.#kind = kind
    this.#session.connect()
  }

  static async start(kind: ProfileKind, cpuIntervalUs = FINE_INTERVAL_US): Promise<Profile> {
    const profile = new Profile(kind)
    try {
      if (kind === 'cpu') {
        await profile.#post('Profiler.enable')
        await profile.#post('Profiler.setSamplingInterval', { interval: cpuIntervalUs })
        await profile.#post('Profiler.start')
      } else {
        await profile.#post('HeapProfiler.startSampling', { samplingInterval: HEAP_INTERVAL_BYTES })
      }
    } catch (error) {
      profile.discard()
      throw error
    }
    return profile
  }

  /** The JSON text of a `.cpuprofile` or `.heapprofile`. Ends the session. */
  async finish(): Promise<string> {
    const stop = this.#kind === 'cpu' ? 'Profiler.stop' : 'HeapProfiler.stopSampling'
    try {
      const { profile } = (await this.#post(stop)) as { profile: object }
      return JSON.stringify(profile)
    } finally {
      this.discard()
    }
  }

  /** Ends the session; V8 forgets what it has sampled. Safe twice. */
  discard(): void {
    this.#session.disconnect()
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, result) =>
        error === null ? resolve(result) : reject(error),
      )
    })
  }
}
