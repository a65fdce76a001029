/** What Jaeger's collector is to its senders: PostSpans over gRPC, of grpc-js, decoded by protobufjs. */
import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js'
import { decodeJaeger } from '../translate/jaeger/oracle.ts'
import type { Scope } from './pipeline-file.ts'

const PATH = '/jaeger.api_v2.CollectorService/PostSpans'

export interface JaegerSink {
  readonly port: number
  /** Names of the operations of the spans that came. */
  readonly operations: string[]
}

export async function startJaegerSink(t: Scope): Promise<JaegerSink> {
  const operations: string[] = []
  const server = new Server()
  const asIs = (bytes: Buffer): Buffer => bytes
  const handle = (call: { request: Buffer }, done: (error: null, answer: Buffer) => void): void => {
    const { batch } = decodeJaeger('PostSpansRequest', call.request) as {
      batch: { spans: { operation_name: string }[] }
    }
    operations.push(...batch.spans.map(span => span.operation_name))
    done(null, Buffer.alloc(0))
  }
  server.addService(
    {
      PostSpans: {
        path: PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    { PostSpans: handle as unknown as UntypedHandleCall },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  t.after(() => server.forceShutdown())
  return { port, operations }
}
