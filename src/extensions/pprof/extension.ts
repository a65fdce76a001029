/** The `pprof` extension: pages that take a profile for some seconds and answer with it, one at a time. */
import type { Component } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import {
  plain,
  type StatusAnswer,
  type StatusRequest,
  type StatusRoute,
  StatusServer,
} from '../../net/status-server.ts'
import type { PprofConfig } from './config.ts'
import { Profile, type ProfileKind } from './profile.ts'
import { SavedProfile } from './saved-profile.ts'

/** Bounds of `?seconds=`: V8 keeps all samples in memory until the end. */
const LONGEST_S = 60
const PRESET_S: Readonly<Record<ProfileKind, number>> = { cpu: 30, heap: 10 }
const FILE_NAME: Readonly<Record<ProfileKind, string>> = {
  cpu: 'millrace.cpuprofile',
  heap: 'millrace.heapprofile',
}

const INDEX = `<!doctype html>
<meta charset="utf-8">
<title>Millrace profiles</title>
<h1>Profiles</h1>
<ul>
<li><a href="/debug/pprof/profile?seconds=${PRESET_S.cpu}">profile</a>: where time is spent, .cpuprofile
<li><a href="/debug/pprof/heap?seconds=${PRESET_S.heap}">heap</a>: what allocates memory that stays, .heapprofile
</ul>
<p>One at a time, ?seconds=1 to ${LONGEST_S}. Open them in the Performance and Memory panels of Chrome DevTools.
`

export class PprofExtension implements Component {
  readonly #context: CreateContext<PprofConfig>
  readonly #server: StatusServer
  #isProfiling = false
  #saved: SavedProfile | null = null

  constructor(context: CreateContext<PprofConfig>) {
    this.#context = context
    const index = () => ({ status: 200, contentType: 'text/html; charset=utf-8', body: INDEX })
    const routes = new Map<string, StatusRoute>([
      ['/debug/pprof', index],
      ['/debug/pprof/', ({ path }) => (path.endsWith('/pprof/') ? index() : plain(404, UNKNOWN))],
      ['/debug/pprof/profile', request => this.#take('cpu', request)],
      ['/debug/pprof/heap', request => this.#take('heap', request)],
    ])
    this.#server = new StatusServer({ ...context, endpoint: context.config.endpoint, routes })
  }

  get port(): number {
    return this.#server.port
  }

  async start(): Promise<void> {
    const { config, clock, log } = this.#context
    await this.#server.start()
    if (config.save_to_file !== '')
      this.#saved = await SavedProfile.start(config.save_to_file, clock, log)
  }

  async stop(): Promise<void> {
    await this.#server.close()
    await this.#saved?.finish()
  }

  async #take(kind: ProfileKind, { query, signal }: StatusRequest): Promise<StatusAnswer> {
    const seconds = readSeconds(query.get('seconds'), PRESET_S[kind])
    if (seconds === undefined) return plain(400, `seconds must be a number from 1 to ${LONGEST_S}`)
    if (this.#isProfiling) {
      const answer = plain(429, 'another profile is being taken; try again when it is done')
      return { ...answer, headers: { 'retry-after': String(LONGEST_S) } }
    }
    this.#isProfiling = true
    try {
      return await this.#profile(kind, seconds, signal)
    } finally {
      this.#isProfiling = false
    }
  }

  async #profile(kind: ProfileKind, seconds: number, signal: AbortSignal): Promise<StatusAnswer> {
    const profile = await Profile.start(kind)
    await this.#wait(seconds * 1000, signal)
    if (signal.aborted) {
      profile.discard()
      return plain(503, 'stopped')
    }
    return {
      status: 200,
      contentType: 'application/json',
      body: await profile.finish(),
      headers: { 'content-disposition': `attachment; filename="${FILE_NAME[kind]}"` },
    }
  }

  /** Until the time is over or nobody waits for the answer any more. */
  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#context.clock.after(ms, resolve)
      const give = () => {
        timer.cancel()
        resolve()
      }
      if (signal.aborted) give()
      else signal.addEventListener('abort', give, { once: true })
    })
  }
}

const UNKNOWN = 'there is no such profile; see /debug/pprof/'

function readSeconds(text: string | null, preset: number): number | undefined {
  if (text === null) return preset
  const seconds = Number(text)
  return /^\d+(\.\d+)?$/.test(text) && seconds >= 1 && seconds <= LONGEST_S ? seconds : undefined
}
