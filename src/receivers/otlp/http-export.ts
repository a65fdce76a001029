/** Export over HTTP, in protobuf and JSON: one handler for each signal. */
import type { HttpExchange, HttpHandler } from '../../net/http-exchange.ts'
import { encodeExportResponse, type PartialSuccess } from '../../otlp/responses.ts'
import type { ReservedRoom } from '../intake/room.ts'
import { SignalExport } from '../intake/signal-export.ts'
import { readJson, type Unpacked } from '../intake/unpack.ts'

export class HttpExport extends SignalExport<HttpExchange> implements HttpHandler {
  protected override read(exchange: HttpExchange, body: Uint8Array, room: ReservedRoom): Unpacked {
    return exchange.mediaType === 'json' ? readJson(room, this.signal, body) : body
  }

  protected override succeed(exchange: HttpExchange, partial: PartialSuccess | null): void {
    const format = exchange.mediaType === 'json' ? 'json' : 'proto'
    exchange.answer(200, encodeExportResponse(this.signal, partial, format))
  }
}
