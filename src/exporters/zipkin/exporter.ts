/** Posts spans to a Zipkin server as its v2 JSON or protobuf, and reads what its answers mean for the data. */
import type { Host, Services } from '../../core/component.ts'
import { decompress, isCodecFault } from '../../net/compression.ts'
import type { HttpReply } from '../../net/http-client.ts'
import { parseRetryAfter } from '../../net/status.ts'
import { writeZipkinJson } from '../../translate/zipkin/write-json.ts'
import { writeZipkinProto } from '../../translate/zipkin/write-proto.ts'
import type { Abort } from '../../util/abort.ts'
import { HttpDestination, headerText, isHttpReply } from '../sending/http-destination.ts'
import { NO_IDS } from '../sending/ids-apart.ts'
import type { PieceSender } from '../sending/pieces.ts'
import type { Place } from '../sending/pool/place.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import type { ZipkinConfig } from './config.ts'
import { SpanList } from './span-list.ts'

const MEDIA_TYPE = { json: 'application/json', proto: 'application/x-protobuf' } as const

const MAX_ERROR_BYTES = 65_536
const MAX_ERROR_CHARS = 300

/** Zipkin's server has a 413 in mind and answers 500 with it as the text. */
const TOO_LARGE = /^HTTP 500: 413 /

const REASONS: Readonly<Record<number, string>> = {
  400: 'bad_data',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'unimplemented',
  405: 'unimplemented',
  413: 'too_large',
  415: 'unimplemented',
  501: 'unimplemented',
}

export class ZipkinSender implements Sender {
  readonly #config: ZipkinConfig
  readonly #services: Services
  readonly #url: URL
  readonly #destination: HttpDestination
  readonly #pieces: PieceSender

  /** `pieces` is shared by all endpoints: what one has taken is not sent to another. */
  constructor(config: ZipkinConfig, place: Place, services: Services, pieces: PieceSender) {
    this.#config = config
    this.#services = services
    this.#url = new URL(place.endpoint)
    const options = {
      address: place.address,
      contentType: MEDIA_TYPE[config.format],
      parallel: config.sending_queue.num_consumers,
    }
    this.#destination = new HttpDestination(options, config, services)
    this.#pieces = pieces
  }

  async start(host: Host): Promise<void> {
    await this.#destination.start(host, [this.#url])
  }

  async send({ batch }: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { format, default_service_name: unnamedService } = this.#config
    const write = format === 'json' ? writeZipkinJson : writeZipkinProto
    const written = write(batch.parts, { unnamedService })
    const messages = written.spans === 0 ? [] : [new SpanList(written, format)]
    const translation = { messages, refused: written.refused, refusal: NO_IDS }
    return await this.#pieces.send(batch, translation, async request => {
      const post = { ...request, url: this.#url, isBatch: false, maxAnswerBytes: MAX_ERROR_BYTES }
      const answer = await this.#destination.post(batch, post, abort)
      return isHttpReply(answer) ? readReply(answer, this.#services.clock.now()) : answer
    })
  }

  async stop(): Promise<void> {
    await this.#destination.stop()
  }
}

async function readReply(reply: HttpReply, nowMs: number): Promise<SendResult> {
  const { status, headers } = reply
  if (status >= 200 && status < 300) return { kind: 'sent' }
  const message = `HTTP ${status}${await explain(reply)}`
  const reason = TOO_LARGE.test(message) ? 'too_large' : REASONS[status]
  const isPassing = status === 408 || status === 429 || status >= 500
  if (reason !== undefined || !isPassing) {
    return { kind: 'drop', reason: reason ?? 'rejected', message }
  }
  const afterMs = parseRetryAfter(headerText(headers['retry-after']), nowMs)
  return { kind: 'retry', afterMs, message }
}

/** The beginning of what the server says about it. */
async function explain({ headers, body }: HttpReply): Promise<string> {
  const encoding = String(headers['content-encoding'] ?? '')
  const bytes = await decompress(encoding, body, MAX_ERROR_BYTES)
  if (isCodecFault(bytes) || bytes.length === 0) return ''
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').trim()
  return text === '' ? '' : `: ${text.slice(0, MAX_ERROR_CHARS)}`
}
