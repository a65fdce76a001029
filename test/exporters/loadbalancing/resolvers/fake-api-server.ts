/** An API server that knows the EndpointSlices of one namespace: lists in pages, watches, bookmarks, and faults on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Slice {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly endpoints: readonly object[]
}

export interface FakeApiServer {
  readonly url: string
  readonly requests: { readonly url: URL; readonly authorization: string }[]
  /** What a list shows. */
  slices: readonly Slice[]
  version: number
  /** Answers of the next requests instead of the ordinary ones. */
  readonly faults: { status: number; message: string }[]
  /** Sends an event to all who watch; `version` counts on. */
  emit(type: string, object: object): void
  /** Ends all watches. */
  endWatches(): void
  /** Resolves when so many requests have come. */
  seen(requests: number): Promise<void>
  /** Resolves when somebody watches. */
  watched(): Promise<void>
}

export interface ApiServerOptions {
  readonly pageSize?: number
  /** Absent is without TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
}

export async function startApiServer(
  t: TestContext,
  { pageSize = 100, tls }: ApiServerOptions = {},
): Promise<FakeApiServer> {
  const watches = new Set<ServerResponse>()
  const waiting: (() => void)[] = []
  const changed = (): void => {
    for (const look of waiting.splice(0)) look()
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>(resolve => waiting.push(resolve))
  }
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response)
    changed()
  }
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  const api: FakeApiServer = {
    url: '',
    requests: [],
    slices: [],
    version: 1,
    faults: [],
    emit(type, object) {
      api.version++
      const metadata = {
        ...(object as Slice).metadata,
        ...(type === 'ERROR' ? {} : { resourceVersion: String(api.version) }),
      }
      const line = JSON.stringify({ type, object: { ...object, metadata } })
      // In two pieces: events do not come in whole chunks.
      for (const watch of watches) {
        watch.write(line.slice(0, 7))
        watch.write(`${line.slice(7)}\n`)
      }
    },
    endWatches() {
      for (const watch of watches) watch.end()
      watches.clear()
    },
    seen: count => until(() => api.requests.length >= count),
    watched: () => until(() => watches.size > 0),
  }
  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'http://api')
    api.requests.push({ url, authorization: request.headers.authorization ?? '' })
    const fault = api.faults.shift()
    if (fault !== undefined) {
      response.writeHead(fault.status).end(JSON.stringify({ message: fault.message }))
    } else if (url.searchParams.get('watch') === 'true') {
      response.writeHead(200).flushHeaders()
      watches.add(response)
      response.on('close', () => watches.delete(response))
    } else {
      const from = Number(url.searchParams.get('continue') ?? 0)
      const more = from + pageSize < api.slices.length ? String(from + pageSize) : undefined
      const metadata = { resourceVersion: String(api.version), continue: more }
      const items = api.slices.slice(from, from + pageSize)
      response.writeHead(200).end(JSON.stringify({ metadata, items }))
    }
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const scheme = tls === undefined ? 'http' : 'https'
  const { port } = server.address() as AddressInfo
  return Object.assign(api, { url: `${scheme}://localhost:${port}` })
}

export function slice(name: string, ...endpoints: readonly (string | object)[]): Slice {
  return {
    metadata: { name },
    endpoints: endpoints.map(each => (typeof each === 'string' ? { addresses: [each] } : each)),
  }
}
