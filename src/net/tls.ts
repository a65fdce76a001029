/**
 * TLS for servers and clients from the keys of a configuration's `tls` section, with rotation: when certificate files
 * change, new connections use the new ones; connections and listeners that are there go on.
 */
import { readFile } from 'node:fs/promises'
import {
  type ConnectionOptions,
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type Server,
  type TlsOptions,
} from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { MillraceError } from '../errors.ts'
import type { Secret } from '../util/secret.ts'
import { FileWatch } from './file-watch.ts'
import { cipherList, curveList } from './tls-names.ts'

/** The keys that servers and clients share, named as in the configuration so that it can be handed over as it is. */
export interface TlsSettings {
  readonly ca_file?: string
  readonly ca_pem?: Secret
  readonly include_system_ca_certs_pool?: boolean
  readonly cert_file?: string
  readonly cert_pem?: Secret
  readonly key_file?: string
  readonly key_pem?: Secret
  readonly min_version?: string
  readonly max_version?: string
  readonly cipher_suites?: readonly string[]
  readonly curve_preferences?: readonly string[]
  /** Milliseconds between readings of the files; 0 means when they change. */
  readonly reload_interval?: number
}

export interface TlsServerSettings extends TlsSettings {
  readonly client_ca_file?: string
  readonly client_ca_file_reload?: boolean
}

export interface TlsClientSettings extends TlsSettings {
  readonly insecure?: boolean
  readonly insecure_skip_verify?: boolean
  readonly server_name_override?: string
}

export interface TlsServices {
  readonly clock: Clock
  readonly log: Logger
}

export interface ServerTls {
  /** For `createServer` or `createSecureServer`. */
  readonly options: TlsOptions
  /** From now on this server gets new certificates when they change. */
  attach(server: Pick<Server, 'setSecureContext'>): void
  stop(): void
}

export interface ClientTls {
  /** For the next connection; asked anew for each, since certificates change. */
  connectOptions(): ConnectionOptions
  stop(): void
}

/** Reads the files; fails with MILLRACE_START_FAILED if they cannot be used. */
export async function serverTls(
  settings: TlsServerSettings,
  services: TlsServices,
): Promise<ServerTls> {
  const first = await loadFirst(() => readMaterial(settings, settings.client_ca_file))
  const clientCa = first.ca
  const mutual = isSet(settings.client_ca_file)
  const servers = new Set<Pick<Server, 'setSecureContext'>>()
  const watch = watchFiles(settings, settings.client_ca_file, services, async () => {
    const fresh = await readMaterial(settings, settings.client_ca_file)
    if (settings.client_ca_file_reload !== true) fresh.ca = clientCa
    createSecureContext(fresh)
    for (const server of servers) server.setSecureContext(fresh)
  })
  return {
    options: { ...first, requestCert: mutual, rejectUnauthorized: mutual },
    attach: server => void servers.add(server),
    stop: () => watch.stop(),
  }
}

/** As `serverTls`, for connecting. `insecure` is the caller's business. */
export async function clientTls(
  settings: TlsClientSettings,
  services: TlsServices,
): Promise<ClientTls> {
  let secureContext = await loadFirst(() => readContext(settings))
  const watch = watchFiles(settings, undefined, services, async () => {
    secureContext = await readContext(settings)
  })
  const fixed: ConnectionOptions = {
    rejectUnauthorized: settings.insecure_skip_verify !== true,
    ...(isSet(settings.server_name_override) && { servername: settings.server_name_override }),
  }
  return { connectOptions: () => ({ ...fixed, secureContext }), stop: () => watch.stop() }
}

async function readContext(settings: TlsSettings): Promise<SecureContext> {
  return createSecureContext(await readMaterial(settings, settings.ca_file))
}

async function loadFirst<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw new MillraceError('MILLRACE_START_FAILED', `TLS: ${(cause as Error).message}`, { cause })
  }
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

async function readMaterial(
  settings: TlsSettings,
  caFile: string | undefined,
): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([
    readPem(settings.cert_file, settings.cert_pem),
    readPem(settings.key_file, settings.key_pem),
    readPem(caFile, settings.ca_pem),
  ])
  const material: SecureContextOptions = {
    cert,
    key,
    ca: ca === undefined ? undefined : [ca, ...systemAuthorities(settings)],
    minVersion: versionOf(settings.min_version) ?? 'TLSv1.2',
    maxVersion: versionOf(settings.max_version),
    ciphers: cipherList(settings.cipher_suites ?? []),
    ecdhCurve: curveList(settings.curve_preferences ?? []),
  }
  createSecureContext(material)
  return material
}

async function readPem(
  file: string | undefined,
  text: Secret | undefined,
): Promise<string | undefined> {
  if (isSet(file)) return readFile(file, 'utf8')
  const pem = text?.reveal()
  return isSet(pem) ? pem : undefined
}

function systemAuthorities(settings: TlsSettings): readonly string[] {
  return settings.include_system_ca_certs_pool === true ? rootCertificates : []
}

function versionOf(version: string | undefined): SecureVersion | undefined {
  return isSet(version) ? (`TLSv${version === '1.0' ? '1' : version}` as SecureVersion) : undefined
}

function watchFiles(
  settings: TlsSettings,
  caFile: string | undefined,
  services: TlsServices,
  reload: () => Promise<void>,
): FileWatch {
  const files = [settings.cert_file, settings.key_file, caFile ?? settings.ca_file].filter(isSet)
  const changed = () =>
    reload().then(
      () => services.log.info('tls certificates reloaded', { files }),
      error => services.log.warn('tls certificates not usable, old ones stay', { files, error }),
    )
  return new FileWatch(files, settings.reload_interval ?? 0, services.clock, changed)
}
