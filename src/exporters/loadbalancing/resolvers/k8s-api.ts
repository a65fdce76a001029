/** The little of the Kubernetes API that a resolver needs: read a list, and follow what changes. */
import { readFile } from 'node:fs/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { MillraceError } from '../../../errors.ts'
import type { K8sConfig } from '../config.ts'

/** Where pods find what they may know of their cluster. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Longest page of a list, and longest event. */
const MAX_PAGE_BYTES = 64 << 20
const MAX_EVENT_BYTES = 8 << 20
const MAX_ERROR_BYTES = 64 << 10

export interface K8sAccess {
  readonly endpoint: string
  /** Read for each request, as tokens are renewed; null sends none. */
  readonly tokenFile: string | null
  /** Null trusts what the system trusts. */
  readonly caFile: string | null
}

/** An answer other than 200. */
export class K8sError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export type K8sObject = Readonly<Record<string, unknown>>

export interface K8sEvent {
  readonly type: string
  readonly object: K8sObject
}

/** As configured, or as pods do. Throws when there is neither. */
export function findAccess({ api_server }: K8sConfig, env = process.env): K8sAccess {
  if (api_server !== undefined) {
    const { endpoint, token_file, ca_file } = api_server
    return { endpoint, tokenFile: token_file ?? null, caFile: ca_file ?? null }
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (!host) {
    const message =
      'resolver.k8s finds no cluster around it (KUBERNETES_SERVICE_HOST is not set); set api_server.'
    throw new MillraceError('MILLRACE_START_FAILED', message)
  }
  return {
    endpoint: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tokenFile: `${SERVICE_ACCOUNT}/token`,
    caFile: `${SERVICE_ACCOUNT}/ca.crt`,
  }
}

/** Of the pod; null outside of a cluster. */
export async function ownNamespace(folder = SERVICE_ACCOUNT): Promise<string | null> {
  try {
    return (await readFile(`${folder}/namespace`, 'utf8')).trim() || null
  } catch {
    return null
  }
}

export class K8sApi {
  readonly #access: K8sAccess

  constructor(access: K8sAccess) {
    this.#access = access
  }

  /** One JSON document. Rejects with K8sError, or with what the network did. */
  async read(path: string, signal: AbortSignal): Promise<K8sObject> {
    const response = await this.#get(path, signal)
    return JSON.parse(await readAll(response, MAX_PAGE_BYTES)) as K8sObject
  }

  /** Each event as it comes; resolves when the server ends the stream. */
  async watch(
    path: string,
    signal: AbortSignal,
    onEvent: (event: K8sEvent) => void,
  ): Promise<void> {
    const response = await this.#get(path, signal)
    let line = ''
    response.setEncoding('utf8')
    for await (const chunk of response) {
      line += chunk as string
      for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
        const event = line.slice(0, end)
        line = line.slice(end + 1)
        if (event.trim() !== '') onEvent(JSON.parse(event) as K8sEvent)
      }
      if (line.length > MAX_EVENT_BYTES) throw new Error('an event is too large')
    }
  }

  async #get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { endpoint, tokenFile, caFile } = this.#access
    const url = new URL(path, endpoint)
    const headers: Record<string, string> = { accept: 'application/json' }
    if (tokenFile !== null) {
      headers.authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`
    }
    const ca = caFile === null ? undefined : await readFile(caFile)
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { headers, signal, agent: false as const }
      const request =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, ca })
          : requestHttp(url, options)
      request.on('error', reject).on('response', resolve).end()
    })
    if (response.statusCode === 200) return response
    const code = response.statusCode ?? 0
    throw new K8sError(code, `the API server answers ${code}: ${await readFault(response)}`)
  }
}

async function readAll(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw new Error(`an answer is larger than ${maxBytes} bytes`)
  }
  return Buffer.concat(chunks).toString()
}

/** What a Status object says, or the beginning of whatever else it is. */
async function readFault(response: IncomingMessage): Promise<string> {
  try {
    const text = await readAll(response, MAX_ERROR_BYTES)
    try {
      return String((JSON.parse(text) as K8sObject).message ?? '')
    } catch {
      return text.slice(0, 200)
    }
  } catch (error) {
    return (error as Error).message
  }
}
