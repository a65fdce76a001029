/** `jaeger.api_v2.CollectorService/PostSpans`: https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/collector.proto */
import type { UnaryCall, UnaryHandler } from '../../net/grpc-transport.ts'
import { readJaegerRequest } from '../../translate/jaeger/proto.ts'
import type { ReservedRoom } from '../intake/room.ts'
import { SignalExport } from '../intake/signal-export.ts'
import { translateInPlace } from '../intake/translate.ts'
import type { Unpacked } from '../intake/unpack.ts'

export const POST_SPANS_PATH = '/jaeger.api_v2.CollectorService/PostSpans'

const FORMAT = { title: 'Jaeger protobuf', read: readJaegerRequest }

export class PostSpans extends SignalExport<UnaryCall> implements UnaryHandler {
  protected override read(_call: UnaryCall, body: Uint8Array, room: ReservedRoom): Unpacked {
    return translateInPlace(room, FORMAT, body)
  }

  /** PostSpansResponse has no fields: what was not taken of a request that was is told by metrics alone. */
  protected override succeed(call: UnaryCall): void {
    call.reply(null)
  }
}
