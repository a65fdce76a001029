/**
 * The endpoints of a Kubernetes service: listed once, then followed by watching its EndpointSlices.
 *
 * ```
 * list -> watch from its version -> stream ends: watch again from the last version seen
 *   ^------- 410 Gone: the version is too old ------+---- anything else: wait a little
 * ```
 */
import type { Timer } from '../../../core/clock.ts'
import type { CreateContext } from '../../../core/factory.ts'
import { Backoff } from '../../../util/backoff.ts'
import type { K8sConfig } from '../config.ts'
import { EndpointSlices } from './endpoint-slices.ts'
import {
  findAccess,
  K8sApi,
  K8sError,
  type K8sEvent,
  type K8sObject,
  ownNamespace,
} from './k8s-api.ts'
import { EndpointList, type OnChange, type Resolver } from './resolver.ts'

const GONE = 410
const FORBIDDEN = 403
const PAGE = 500
/** A server that says nothing for so long after the time it was given is not there any more. */
const SILENCE_MS = 10_000
/** A watch that ends sooner counts as failed, so that it is not begun again without a pause. */
const SHORT_WATCH_MS = 1000
const BACKOFF = { initialMs: 1000, multiplier: 2, randomization: 0.5, maxMs: 30_000 }

export class K8sResolver implements Resolver {
  readonly #context: CreateContext<unknown>
  readonly #config: K8sConfig
  readonly #stop = new AbortController()
  #backoff = new Backoff(BACKOFF, Math.random)
  #slices: EndpointSlices | null = null
  #path = ''
  /** Of what is known: a watch goes on from there. */
  #version = ''

  constructor(context: CreateContext<unknown>, config: K8sConfig) {
    this.#context = context
    this.#config = config
  }

  async start(onChange: OnChange): Promise<void> {
    const api = new K8sApi(findAccess(this.#config))
    const { service, ports, return_hostnames, only_ready } = this.#config
    const [name, given] = service.split('.')
    const namespace = given || ((await ownNamespace()) ?? 'default')
    this.#slices = new EndpointSlices({
      service: name,
      namespace,
      ports,
      hostnames: return_hostnames,
      onlyReady: only_ready,
    })
    const where = `namespaces/${encodeURIComponent(namespace)}/endpointslices`
    const selector = encodeURIComponent(`kubernetes.io/service-name=${name}`)
    this.#path = `/apis/discovery.k8s.io/v1/${where}?labelSelector=${selector}`
    const list = new EndpointList(this.#context, 'k8s', onChange)
    const isListed = await this.#round(() => this.#list(api, list), list)
    void this.#run(api, list, isListed)
  }

  stop(): void {
    this.#stop.abort()
  }

  async #run(api: K8sApi, list: EndpointList, isListed: boolean): Promise<void> {
    let mustList = !isListed
    let isWell = isListed
    while (!this.#stop.signal.aborted) {
      if (!isWell) await this.#pause(this.#backoff.nextMs(0))
      if (this.#stop.signal.aborted) return
      if (mustList) {
        isWell = await this.#round(() => this.#list(api, list), list)
        mustList = !isWell
        continue
      }
      const sinceMs = this.#context.clock.monotonic()
      isWell = await this.#round(async () => {
        mustList = await this.#watch(api, list)
      }, list)
      // Whatever has happened meanwhile, a list tells.
      if (!isWell) mustList = true
      const isLong = this.#context.clock.monotonic() - sinceMs >= SHORT_WATCH_MS
      if (isWell && !isLong) await this.#pause(SHORT_WATCH_MS)
    }
  }

  /** False when it failed. */
  async #round(work: () => Promise<void>, list: EndpointList): Promise<boolean> {
    try {
      await work()
      this.#backoff = new Backoff(BACKOFF, Math.random)
      return true
    } catch (error) {
      if (!this.#stop.signal.aborted) list.failed(explain(error))
      return false
    }
  }

  async #list(api: K8sApi, list: EndpointList): Promise<void> {
    const found: K8sObject[] = []
    let next = ''
    do {
      const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
      const page = await this.#withinTime(signal =>
        api.read(`${this.#path}&limit=${PAGE}${more}`, signal),
      )
      found.push(...((page.items ?? []) as K8sObject[]))
      const { continue: token = '', resourceVersion = '' } = (page.metadata ?? {}) as {
        continue?: string
        resourceVersion?: string
      }
      next = token
      this.#version = resourceVersion
    } while (next !== '')
    this.#slices!.clear()
    for (const slice of found) this.#slices!.set(slice)
    this.#tell(list)
  }

  /** Resolves when the stream ends; true = what is known is too old to go on from. */
  async #watch(api: K8sApi, list: EndpointList): Promise<boolean> {
    const seconds = Math.max(1, Math.round(this.#config.timeout / 1000))
    const version = encodeURIComponent(this.#version)
    const path = `${this.#path}&watch=true&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${version}`
    try {
      await this.#withinTime(signal => api.watch(path, signal, event => this.#take(event, list)))
      return false
    } catch (error) {
      if (error instanceof K8sError && error.code === GONE) return true
      throw error
    }
  }

  #take({ type, object }: K8sEvent, list: EndpointList): void {
    if (type === 'ERROR') {
      const code = Number(object.code ?? 0)
      throw new K8sError(code, `the API server ends the watch: ${object.message ?? code}`)
    }
    const { resourceVersion } = (object.metadata ?? {}) as { resourceVersion?: string }
    if (resourceVersion !== undefined) this.#version = resourceVersion
    if (type === 'ADDED' || type === 'MODIFIED') this.#slices!.set(object)
    else if (type === 'DELETED') this.#slices!.delete(object)
    else return
    this.#tell(list)
  }

  #tell(list: EndpointList): void {
    const slices = this.#slices!
    if (slices.isPartial) list.failed('pods without a host name are left out until they have one')
    list.resolved(slices.endpoints())
  }

  /** The time that the server was given, and a little more. */
  async #withinTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController()
    const end = (): void => own.abort()
    this.#stop.signal.addEventListener('abort', end, { once: true })
    const timer = this.#context.clock.after(this.#config.timeout + SILENCE_MS, end)
    try {
      return await work(own.signal)
    } finally {
      timer.cancel()
      this.#stop.signal.removeEventListener('abort', end)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      let timer: Timer
      const done = (): void => {
        timer.cancel()
        this.#stop.signal.removeEventListener('abort', done)
        resolve()
      }
      timer = this.#context.clock.after(ms, done)
      this.#stop.signal.addEventListener('abort', done, { once: true })
    })
  }
}

function explain(error: unknown): string {
  const { message } = error as Error
  if (!(error instanceof K8sError) || error.code !== FORBIDDEN) return message
  return `${message}; the service account needs get, list and watch on endpointslices of discovery.k8s.io`
}
