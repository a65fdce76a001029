/** Export over gRPC: one handler for each signal. */
import type { UnaryCall, UnaryHandler } from '../../net/grpc-transport.ts'
import { encodeExportResponse, type PartialSuccess } from '../../otlp/responses.ts'
import { SignalExport } from '../intake/signal-export.ts'

export class GrpcExport extends SignalExport<UnaryCall> implements UnaryHandler {
  protected override read(_call: UnaryCall, body: Uint8Array): Uint8Array {
    return body
  }

  protected override succeed(call: UnaryCall, partial: PartialSuccess | null): void {
    call.reply(partial === null ? null : encodeExportResponse(this.signal, partial, 'proto'))
  }
}
