/** How a generated request reaches an OTLP receiver. The two ways are loaded only when used. */
import { readFileSync } from 'node:fs'
import type { Signal } from '../../core/signal.ts'
import type { LoadOptions } from './options.ts'

export type Answer =
  /** `rejected` counts items that the receiver took note of and refused (partial success). */
  | { readonly kind: 'accepted'; readonly rejected: number }
  /** An answer other than OK: gRPC code name or HTTP status; `busy` ones may be tried again. */
  | { readonly kind: 'refused'; readonly code: string; readonly busy: boolean }
  /** No answer: connection refused, reset, time-out. */
  | { readonly kind: 'failed'; readonly message: string }

export interface Transport {
  /** Never rejects. `connection` picks one of the connections. */
  send(signal: Signal, body: Buffer, connection: number): Promise<Answer>
  close(): Promise<void>
}

/** Throws the system's error when a certificate file cannot be read. */
export async function openTransport(options: LoadOptions): Promise<Transport> {
  if (options.protocol === 'grpc') {
    const { GrpcTransport } = await import('./grpc-transport.ts')
    return new GrpcTransport(options, readIdentity(options))
  }
  const { HttpTransport } = await import('./http-transport.ts')
  return new HttpTransport(options, readIdentity(options))
}

/** Contents of the certificate files; null where none was named. */
export interface Identity {
  readonly ca: Buffer | null
  readonly cert: Buffer | null
  readonly key: Buffer | null
}

function readIdentity({ caFile, certFile, keyFile }: LoadOptions): Identity {
  const read = (path: string | undefined) => (path === undefined ? null : readFileSync(path))
  return { ca: read(caFile), cert: read(certFile), key: read(keyFile) }
}
