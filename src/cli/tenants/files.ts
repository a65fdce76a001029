/** Where the file of keys and the audit log are: named on the command line, or by the extension `tenants` of a configuration. */
import { resolve } from 'node:path'
import { type ConfigOptions, examineOptions, lazyBuiltins } from '../config-options.ts'
import type { CliIo } from '../io.ts'

export interface FileOptions extends ConfigOptions {
  readonly file?: string
  readonly audit?: string
}

export interface TenantFiles {
  readonly keys: string | undefined
  readonly audit: string | undefined
}

/** What the extension `tenants` has of it. */
interface TenantsSection {
  readonly identity: { readonly api_keys?: { readonly file: string } }
  readonly audit_file?: string
}

export async function findFiles(options: FileOptions, io: CliIo): Promise<TenantFiles> {
  const found = options.config.length === 0 ? {} : await readConfigured(options, io)
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(io.cwd, path))
  return { keys: at(options.file ?? found.keys), audit: at(options.audit ?? found.audit) }
}

async function readConfigured(options: ConfigOptions, io: CliIo): Promise<Partial<TenantFiles>> {
  const { config: configuration, problems } = await examineOptions(
    options,
    await lazyBuiltins(),
    io,
  )
  if (configuration === undefined) {
    const { ConfigError } = await import('../../config/problems.ts')
    throw new ConfigError(problems)
  }
  for (const extension of configuration.extensions.values()) {
    if (extension.type !== 'tenants') continue
    const { identity, audit_file } = extension.config as TenantsSection
    return { keys: identity.api_keys?.file, audit: audit_file }
  }
  return {}
}
