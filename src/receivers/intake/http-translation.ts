/** Bodies in other formats than OTLP's, posted over HTTP: the handler of a path with the formats that it takes. */
import type { BodyFormat, BodyFormats, HttpExchange, HttpHandler } from '../../net/http-exchange.ts'
import type { PartialSuccess } from '../../otlp/responses.ts'
import type { TransportCounters } from './metrics.ts'
import type { ReservedRoom } from './room.ts'
import { type ExportOptions, SignalExport } from './signal-export.ts'
import { type ForeignFormat, translateInPlace } from './translate.ts'
import type { Unpacked } from './unpack.ts'

/** A foreign format as it comes over HTTP. Answers are in plain text. */
export interface HttpFormat extends ForeignFormat, BodyFormat {
  readonly answersIn: 'text'
  /** Upstream's transports name the format: `http_v2_json`. */
  readonly counters: TransportCounters
}

/** Formats that are all of this kind. */
export interface HttpFormats extends BodyFormats {
  find(contentType: string | undefined): HttpFormat | undefined
  readonly fallback: HttpFormat
}

/** Zipkin's and Jaeger's clients expect it. */
const ACCEPTED = 202

export class HttpTranslation extends SignalExport<HttpExchange> implements HttpHandler {
  readonly formats: HttpFormats

  constructor(options: Omit<ExportOptions, 'counters'>, formats: HttpFormats) {
    super('traces', { ...options, counters: formats.fallback.counters })
    this.formats = formats
  }

  protected override countersOf(exchange: HttpExchange): TransportCounters {
    return (exchange.format as HttpFormat).counters
  }

  protected override read(exchange: HttpExchange, body: Uint8Array, room: ReservedRoom): Unpacked {
    return translateInPlace(room, exchange.format as HttpFormat, body)
  }

  /** Neither protocol knows of partial success; what was not taken is told in words. */
  protected override succeed(exchange: HttpExchange, partial: PartialSuccess | null): void {
    if (partial === null) exchange.answerEmpty(ACCEPTED, {})
    else exchange.answer(ACCEPTED, `${partial.rejected} spans were not taken: ${partial.message}\n`)
  }
}
