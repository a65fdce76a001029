/** The package `@platformatic/kafka`, which is installed by whoever wants it: what is used of it, and how it is loaded. */
import { isIP, type Socket } from 'node:net'
import { MillraceError } from '../../../errors.ts'
import type { KafkaClusterOptions, KafkaSasl } from '../client.ts'

export interface PlatformaticConnection {
  readonly socket: Socket | undefined
  isConnected(): boolean
  connect(host: string, port: number): Promise<void>
  close(): Promise<void>
  send(
    apiKey: number,
    apiVersion: number,
    createPayload: () => PlatformaticWriter,
    parse: (
      correlationId: number,
      apiKey: number,
      apiVersion: number,
      reader: PlatformaticReader,
    ) => Buffer,
    hasRequestTags: boolean,
    hasResponseTags: boolean,
    callback: (error: Error | null, payload?: Buffer) => void,
  ): void
  on(event: string, listener: (error: Error) => void): unknown
}

export interface PlatformaticWriter {
  readonly context: Record<string, unknown>
  append(bytes: Buffer): unknown
}

export interface PlatformaticReader {
  readonly buffer: { slice(): Buffer }
}

export interface PlatformaticLibrary {
  readonly Connection: new (clientId: string, options: object) => PlatformaticConnection
  readonly Writer: { create(): PlatformaticWriter }
}

const PACKAGE = '@platformatic/kafka'

export async function loadPlatformatic(): Promise<PlatformaticLibrary> {
  try {
    return (await import(PACKAGE)) as PlatformaticLibrary
  } catch (cause) {
    throw new MillraceError('MILLRACE_KAFKA_DRIVER_MISSING', `${PACKAGE} cannot be loaded.`, {
      cause,
    })
  }
}

/** For a connection to this host. */
export function connectionOptions(options: KafkaClusterOptions, host: string): object {
  const { connectTimeoutMs, requestTimeoutMs, sasl, tls } = options
  return {
    connectTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...(tls !== null && { tls: tls() }),
    // A name in the handshake may not be an address.
    ...(tls !== null && isIP(host) === 0 && { tlsServerName: tls().servername ?? true }),
    ...(sasl !== null && { sasl: saslOptions(sasl) }),
  }
}

function saslOptions(sasl: KafkaSasl): object {
  if (sasl.mechanism === 'OAUTHBEARER') return { mechanism: sasl.mechanism, token: sasl.token }
  const { mechanism, username, password } = sasl
  return { mechanism, username, password: () => password.reveal() }
}
