/**
 * The `tenants` extension: receivers that name it as their authenticator learn from it who sends, and the process's book
 * of tenants gets its policy from it. Tenant files are read again when they change; a faulty one changes nothing.
 */
import type { AuditTrail, HasAuditTrail } from '../../core/audit.ts'
import type { Component } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HasServerAuthenticator, ServerAuthenticator } from '../../core/identity.ts'
import type { HasTenantControl, TenantControl } from '../../core/tenant-control.ts'
import { MillraceError } from '../../errors.ts'
import { FileWatch } from '../../net/file-watch.ts'
import { AuditLog } from '../../tenancy/audit/audit-log.ts'
import { TenantBook } from '../../tenancy/book/tenant-book.ts'
import { createIdentifier, type Identifier } from '../../tenancy/identity/identifier.ts'
import { fileSet } from '../../tenancy/policy/file-patterns.ts'
import { VolumeFile } from '../../tenancy/quota/volume-file.ts'
import { TenantUsage } from '../../tenancy/usage/tenant-usage.ts'
import { inSlices } from '../../util/in-slices.ts'
import type { TenantsConfig } from './config.ts'
import { TENANT_ENTRIES, TENANT_RELOADS } from './metrics.ts'
import { type ReadPolicy, readPolicySteps } from './policy.ts'

export class TenantsExtension
  implements Component, HasServerAuthenticator, HasTenantControl, HasAuditTrail
{
  readonly serverAuthenticator: ServerAuthenticator
  readonly tenantControl: TenantControl
  readonly #context: CreateContext<TenantsConfig>
  readonly #book: TenantBook
  readonly #identifier: Identifier
  readonly auditTrail: AuditTrail | null
  #entries = 0
  #watch: FileWatch | null = null
  #volumes: VolumeFile | null = null
  #reloading: Promise<unknown> = Promise.resolve()
  #isStopped = false
  readonly #cleanup: (() => void)[] = []

  constructor(context: CreateContext<TenantsConfig>) {
    this.#context = context
    this.#book = bookOf(context)
    this.#book.expect(this)
    const { audit_file: file, identity } = context.config
    this.auditTrail = file === undefined ? null : new AuditLog(file, context.clock)
    this.#identifier = createIdentifier(identity, {
      ...context,
      audit: this.auditTrail ?? undefined,
    })
    this.serverAuthenticator = this.#identifier
    this.tenantControl = { view: () => this.#book.view() }
  }

  async start(): Promise<void> {
    const { config, clock, log, meter, id } = this.#context
    if (config.files.length > 0) {
      const changed = () => this.#reload('file')
      this.#watch = new FileWatch(fileSet(config.files), config.watch_interval, clock, changed)
      // Before the files are read, so that a change meanwhile is not missed.
      await this.#watch.ready
    }
    const read = await inSlices(readPolicySteps(config))
    if (read.policy === null) {
      await this.stop()
      const lines = read.problems.map(problem => `\n  ${problem}`).join('')
      throw new MillraceError('MILLRACE_TENANTS_INVALID', lines)
    }
    try {
      await this.#identifier.start()
      this.#install(read)
      if (config.state_directory !== undefined) {
        this.#volumes = new VolumeFile(config.state_directory, this.#book, clock, log)
        await this.#volumes.start()
      }
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#cleanup.push(meter.observe(TENANT_ENTRIES, { extension: id }, () => this.#entries))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#watch?.stop()
    for (const clean of this.#cleanup.splice(0)) clean()
    await this.#reloading
    await this.#identifier.stop()
    await this.#volumes?.stop()
    this.#book.leave(this)
  }

  /** Files are looked at again whether the file system told of a change or not. */
  refresh(): void {
    this.#identifier.refresh()
    void this.#reload('reload')
  }

  /** Never rejects. */
  #reload(origin: 'file' | 'reload'): Promise<void> {
    const run = this.#reloading.then(() => this.#reloadNow(origin))
    this.#reloading = run
    return run
  }

  async #reloadNow(origin: 'file' | 'reload'): Promise<void> {
    const { config, log, meter, id } = this.#context
    if (this.#isStopped || config.files.length === 0) return
    const count = (result: string) => {
      meter.counter(TENANT_RELOADS, { extension: id, result }).value++
    }
    const read = await inSlices(readPolicySteps(config))
    if (read.policy === null) {
      count('failure')
      log.error('tenants_refused', { origin, problems: read.problems })
      return
    }
    try {
      const { length } = read.entries
      const detail = { origin, files: read.files, entries: length }
      await this.auditTrail?.append({ action: 'tenants.reload', actor: id, subject: id, detail })
    } catch (error) {
      count('failure')
      log.error('tenants_refused', { origin, problems: [(error as Error).message] })
      return
    }
    if (this.#isStopped) return
    this.#install(read)
    count('success')
    log.info('tenants_live', { origin, entries: read.entries.length })
  }

  #install({ policy, entries }: ReadPolicy): void {
    if (!this.#book.install(this, policy!)) {
      const why = 'another extension `tenants` is running, and there can be only one.'
      throw new MillraceError('MILLRACE_START_FAILED', why)
    }
    this.#entries = entries.length
    const { usage } = this.#book
    if (usage instanceof TenantUsage) usage.setPrices(this.#context.config.prices ?? null)
  }
}

/** There is one for the whole process; it is handed to every component as what it may know of tenants. */
function bookOf({ tenancy }: CreateContext<TenantsConfig>): TenantBook {
  if (tenancy instanceof TenantBook) return tenancy
  throw new MillraceError('MILLRACE_START_FAILED', 'this process keeps no book of tenants.')
}
