/** From the keys of a configuration to a client: credentials, TLS, and which library. The same for exporter and receiver. */
import { DEFAULT_TENANT, NO_CONTEXT } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Component, Host } from '../../core/component.ts'
import type { HasClientAuthenticator } from '../../core/identity.ts'
import type { Logger } from '../../core/logger.ts'
import { MillraceError } from '../../errors.ts'
import type { Secret } from '../../util/secret.ts'
import { type ClientTls, clientTls, type TlsClientSettings } from '../tls.ts'
import type { KafkaClusterOptions, KafkaDriver, KafkaSasl } from './client.ts'

/** Named as in the configuration, so that it can be handed over as it is. */
export interface KafkaClientSettings {
  readonly brokers: readonly string[]
  readonly client_id: string
  readonly driver: 'kafkajs' | 'platformatic'
  readonly rack_id: string
  readonly conn_idle_timeout: number
  readonly tls?: TlsClientSettings
  readonly auth: {
    readonly sasl?: {
      readonly username: string
      readonly password?: Secret
      readonly mechanism: string
      readonly oauthbearer_token_source?: string
    }
    readonly plain_text?: { readonly username: string; readonly password: Secret }
    readonly tls?: TlsClientSettings
  }
  readonly metadata: {
    readonly refresh_interval: number
    readonly retry: { readonly max: number; readonly backoff: number }
  }
}

export interface KafkaServices {
  readonly clock: Clock
  readonly log: Logger
}

export interface KafkaConnection {
  readonly options: KafkaClusterOptions
  /** Ends the watch over certificate files. */
  close(): void
}

const CONNECT_TIMEOUT_MS = 10_000

/** Reads certificates and finds the token's source. Rejects with a MillraceError when something is missing. */
export async function openKafkaConnection(
  settings: KafkaClientSettings,
  services: KafkaServices,
  host: Host,
  special: { readonly requestTimeoutMs: number; readonly allowAutoTopicCreation: boolean },
): Promise<KafkaConnection> {
  const sasl = saslOf(settings.auth, host, services.clock)
  const tlsSettings = settings.tls ?? settings.auth.tls
  const tls = tlsSettings === undefined || isPlain(tlsSettings) ? null : tlsSettings
  if (sasl !== null && tls === null) warnPlain(sasl, services)
  const material: ClientTls | null = tls === null ? null : await clientTls(tls, services)
  const { metadata } = settings
  return {
    options: {
      brokers: settings.brokers,
      clientId: settings.client_id,
      rackId: settings.rack_id,
      tls: material === null ? null : () => material.connectOptions(),
      sasl,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      requestTimeoutMs: special.requestTimeoutMs,
      metadataMaxAgeMs: metadata.refresh_interval,
      metadataRetries: metadata.retry.max,
      metadataBackoffMs: metadata.retry.backoff,
      idleTimeoutMs: settings.conn_idle_timeout,
      allowAutoTopicCreation: special.allowAutoTopicCreation,
      ...services,
    },
    close: () => material?.stop(),
  }
}

/** The library is loaded when a producer or consumer starts. */
export async function loadKafkaDriver(name: 'kafkajs' | 'platformatic'): Promise<KafkaDriver> {
  if (name === 'platformatic') return (await import('./platformatic/driver.ts')).driver
  return (await import('./kafkajs/driver.ts')).driver
}

/** As upstream has it: `insecure` without an authority of its own means no TLS at all. */
function isPlain(tls: TlsClientSettings): boolean {
  return tls.insecure === true && !isSet(tls.ca_file) && !isSet(tls.ca_pem?.reveal())
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== ''
}

function warnPlain(sasl: KafkaSasl, { log }: KafkaServices): void {
  if (sasl.mechanism === 'PLAIN' || sasl.mechanism === 'OAUTHBEARER') {
    log.warn('credentials_sent_without_tls', { mechanism: sasl.mechanism })
  }
}

function saslOf(auth: KafkaClientSettings['auth'], host: Host, clock: Clock): KafkaSasl | null {
  if (auth.plain_text !== undefined) return { mechanism: 'PLAIN', ...auth.plain_text }
  const { sasl } = auth
  if (sasl === undefined) return null
  const { mechanism, username, password, oauthbearer_token_source: source } = sasl
  if (mechanism === 'OAUTHBEARER') {
    return { mechanism, token: () => inTime(askToken(source ?? '', host), clock) }
  }
  const isKnown =
    mechanism === 'PLAIN' || mechanism === 'SCRAM-SHA-256' || mechanism === 'SCRAM-SHA-512'
  if (isKnown && password !== undefined) return { mechanism, username, password }
  const message = `SASL ${mechanism} cannot be used.`
  throw new MillraceError('MILLRACE_START_FAILED', message)
}

/** Connections are opened one at a time: a token that does not come would keep the broker closed for ever. */
function inTime(token: Promise<string>, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(CONNECT_TIMEOUT_MS, () =>
      reject(new Error(`no token within ${CONNECT_TIMEOUT_MS} ms`)),
    )
    token.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** An authenticator of exporters shows its token as a header; the extension is asked anew, a reload may have replaced it. */
async function askToken(id: string, host: Host): Promise<string> {
  const found = host.extension<Component & Partial<HasClientAuthenticator>>(id)
  const authenticator = found?.clientAuthenticator
  if (authenticator === undefined) throw new Error(`${id} is not running or has no token`)
  const headers = await authenticator.headers(DEFAULT_TENANT, NO_CONTEXT)
  const token = /^bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (token === undefined) throw new Error(`${id} shows no bearer token`)
  return token
}
