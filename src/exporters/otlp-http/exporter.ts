/** Sends encoded batches to an OTLP backend over HTTP, and reads what its answers mean for the data. */

import type { Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { HTTP_EXPORT_PATH, SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { decompress, isCodecFault } from '../../net/compression.ts'
import type { HttpReply } from '../../net/http-client.ts'
import { decodeStatus, decodeStatusJson } from '../../net/rpc-status.ts'
import { isRetryableHttp, parseRetryAfter } from '../../net/status.ts'
import { flatten } from '../../otlp/encode.ts'
import { encodeJson } from '../../otlp/json/encode.ts'
import {
  decodeExportResponse,
  isResponseFault,
  MAX_RESPONSE_BYTES,
  type ResponseFormat,
} from '../../otlp/responses.ts'
import type { Abort } from '../../util/abort.ts'
import { HttpDestination, headerText, isHttpReply } from '../sending/http-destination.ts'
import type { Place } from '../sending/pool/place.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import type { OtlpHttpConfig } from './config.ts'

/** Enough of an error page to say what went wrong. */
const MAX_ERROR_CHARS = 300

export class OtlpHttpSender implements Sender {
  readonly #config: OtlpHttpConfig
  readonly #context: CreateContext<OtlpHttpConfig>
  readonly #destination: HttpDestination
  readonly #urls: Partial<Record<Signal, URL>> = {}

  /** `place` is one of `endpoints`, or says again what the configuration says. */
  constructor(context: CreateContext<OtlpHttpConfig>, { endpoint, address }: Place) {
    const config = endpoint === '' ? context.config : { ...context.config, endpoint }
    const isJson = config.encoding === 'json'
    this.#config = config
    this.#context = context
    const options = {
      address,
      contentType: isJson ? 'application/json' : 'application/x-protobuf',
      parallel: config.sending_queue.num_consumers * SIGNALS.length,
    }
    this.#destination = new HttpDestination(options, config, context)
  }

  async start(host: Host): Promise<void> {
    for (const signal of SIGNALS) {
      const url = this.#urlOf(signal)
      if (url !== null) this.#urls[signal] = url
      else if (this.#context.signals.includes(signal)) {
        const message = `${this.#context.id} has neither endpoint nor ${signal}_endpoint.`
        throw new MillraceError('MILLRACE_START_FAILED', message)
      }
    }
    await this.#destination.start(host, Object.values(this.#urls))
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { signal, batch } = encoded
    const url = this.#urls[signal]
    if (url === undefined) {
      const message = `no endpoint is configured for ${signal}`
      return { kind: 'drop', reason: 'unimplemented', message }
    }
    let { chunks, byteLength } = encoded
    const isJson = this.#config.encoding === 'json'
    if (isJson) {
      const text = encodeJson(signal, flatten({ chunks: [...chunks], byteLength }))
      chunks = [text]
      byteLength = text.length
    }
    const request = {
      url,
      chunks,
      byteLength,
      isBatch: !isJson,
      maxAnswerBytes: MAX_RESPONSE_BYTES,
    }
    const answer = await this.#destination.post(batch, request, abort)
    if (!isHttpReply(answer)) return answer
    return await readReply(signal, answer, this.#context.clock.now())
  }

  async stop(): Promise<void> {
    await this.#destination.stop()
  }

  /** The signal's own URL as it is, or the common one with the signal's path appended. */
  #urlOf(signal: Signal): URL | null {
    const own = this.#config[`${signal}_endpoint`]
    if (own !== undefined) return new URL(own)
    const { endpoint } = this.#config
    if (endpoint === undefined) return null
    const url = new URL(endpoint)
    url.pathname = url.pathname.replace(/\/$/, '') + HTTP_EXPORT_PATH[signal]
    return url
  }
}

async function readReply(signal: Signal, reply: HttpReply, nowMs: number): Promise<SendResult> {
  const { status, headers } = reply
  const format = formatOf(headers['content-type'])
  const encoding = String(headers['content-encoding'] ?? '')
  const body = await decompress(encoding, reply.body, MAX_RESPONSE_BYTES)
  const bytes = isCodecFault(body) ? new Uint8Array(0) : body
  if (status >= 200 && status < 300) {
    if (reply.isCut) return { kind: 'sent', message: 'the response is too long to be read' }
    return readSuccess(signal, bytes, format)
  }
  const message = `HTTP ${status}${explain(bytes, format)}`
  if (isRetryableHttp(status)) {
    const afterMs = parseRetryAfter(headerText(headers['retry-after']), nowMs)
    return { kind: 'retry', afterMs, message }
  }
  return { kind: 'drop', reason: reasonOf(status), message }
}

function readSuccess(signal: Signal, bytes: Uint8Array, format: ResponseFormat | null): SendResult {
  if (format === null) return { kind: 'sent' }
  const partial = decodeExportResponse(signal, bytes, format)
  if (partial === null) return { kind: 'sent' }
  if (isResponseFault(partial)) {
    return { kind: 'sent', message: `the response cannot be read: ${partial.fault}` }
  }
  return { kind: 'sent', rejected: partial.rejected, message: partial.message }
}

function reasonOf(status: number): string {
  if (status === 400) return 'bad_data'
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'permission_denied'
  if (status === 404 || status === 405) return 'unimplemented'
  if (status === 413) return 'too_large'
  return 'rejected'
}

/** What the backend says about it: a google.rpc.Status, or the beginning of a text. */
function explain(bytes: Uint8Array, format: ResponseFormat | null): string {
  if (bytes.length === 0) return ''
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const status =
    format === 'proto'
      ? decodeStatus(bytes)
      : format === 'json'
        ? decodeStatusJson(text)
        : undefined
  const said = status?.message || (format === 'proto' ? '' : text)
  return said === '' ? '' : `: ${said.slice(0, MAX_ERROR_CHARS)}`
}

function formatOf(contentType: string | string[] | undefined): ResponseFormat | null {
  const type = headerText(contentType)?.split(';')[0].trim().toLowerCase()
  if (type === 'application/x-protobuf') return 'proto'
  return type === 'application/json' ? 'json' : null
}
