/** The `zpages` extension: serves the pages as HTML, and as JSON to who asks for it. */
import type { Component, Host, Inspector } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import {
  json,
  plain,
  type StatusAnswer,
  type StatusRequest,
  type StatusRoute,
  StatusServer,
} from '../../net/status-server.ts'
import type { ZpagesConfig } from './config.ts'
import { drawPage, type Link } from './html.ts'
import { PAGES, type PageMaker } from './pages.ts'

/** Pages load nothing and run nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

const UNKNOWN = 'there is no such page; see /debug/'

export class ZpagesExtension implements Component {
  readonly #context: CreateContext<ZpagesConfig>
  readonly #server: StatusServer
  readonly #links: readonly Link[]
  #inspector: Inspector | null = null

  constructor(context: CreateContext<ZpagesConfig>) {
    const { endpoint, tls, expvar } = context.config
    this.#context = context
    const names = [...PAGES.keys(), ...(expvar.enabled ? ['expvarz'] : [])]
    this.#links = names.map(name => ({ href: `/debug/${name}`, text: name }))
    this.#server = new StatusServer({ ...context, endpoint, tls, routes: this.#routes() })
  }

  get port(): number {
    return this.#server.port
  }

  async start(host: Host): Promise<void> {
    this.#inspector = host.inspector
    await this.#server.start()
  }

  stop(): Promise<void> {
    return this.#server.close()
  }

  #routes(): ReadonlyMap<string, StatusRoute> {
    const routes = new Map<string, StatusRoute>()
    for (const [name, make] of PAGES)
      routes.set(`/debug/${name}`, request => this.#show(make, request))
    if (this.#context.config.expvar.enabled) routes.set('/debug/expvarz', readRuntime)
    const index = (request: StatusRequest) => this.#index(request)
    for (const path of ['/debug', '/debug/']) routes.set(path, index)
    return routes
  }

  #index(request: StatusRequest): StatusAnswer {
    if (request.path !== '/debug' && request.path !== '/debug/') return plain(404, UNKNOWN)
    if (wantsJson(request)) return json(200, { pages: this.#links.map(({ href }) => href) })
    return html(drawPage('Millrace', this.#links, []))
  }

  #show(make: PageMaker, request: StatusRequest): StatusAnswer {
    const { title, value, tables } = make(this.#inspector!, this.#context.clock.now())
    return wantsJson(request) ? json(200, value) : html(drawPage(title, this.#links, tables))
  }
}

/** JSON if `?format=json`, or if the client names it and does not rather take HTML. */
function wantsJson({ query, headers }: StatusRequest): boolean {
  const format = query.get('format')
  if (format !== null) return format === 'json'
  const accept = headers.accept ?? ''
  return accept.includes('application/json') && !accept.includes('text/html')
}

function html(body: string): StatusAnswer {
  const headers = { 'content-security-policy': POLICY }
  return { status: 200, contentType: 'text/html; charset=utf-8', body, headers }
}

/** No command line, as Go's expvar has: it may hold secrets. */
function readRuntime(): StatusAnswer {
  const { user, system } = process.cpuUsage()
  return json(200, {
    memstats: process.memoryUsage(),
    cpuSeconds: { user: user / 1e6, system: system / 1e6 },
    versions: { node: process.versions.node, v8: process.versions.v8 },
  })
}
