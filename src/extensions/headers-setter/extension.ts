/** The `headers_setter` extension: headers of exporters' requests from fixed texts, files, and what is known of the sender. */
import type { RequestContext, TenantId } from '../../core/batch.ts'
import type { Component, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { ClientAuthenticator, HasClientAuthenticator } from '../../core/identity.ts'
import { SecretFile } from '../../tenancy/identity/secret-file.ts'
import type { HeaderRule, HeadersSetterConfig } from './config.ts'

type Headers = ReadonlyMap<string, string>

interface Step {
  readonly key: string
  readonly action: HeaderRule['action']
  /** Throws with a message for people. */
  readonly value: (tenant: TenantId, context: RequestContext) => string
  readonly isFixed: boolean
}

const TENANT_ATTRIBUTES: ReadonlySet<string> = new Set(['tenant', 'tenant_id', 'tenant.id'])

export class HeadersSetterExtension implements Component, HasClientAuthenticator {
  readonly clientAuthenticator: ClientAuthenticator
  readonly #context: CreateContext<HeadersSetterConfig>
  readonly #files: SecretFile[] = []
  readonly #steps: readonly Step[]
  #host: Host | null = null
  #isAsking = false
  /** What comes out while nothing depends on the request; the same map for all requests. */
  #fixed: Headers | null = null

  constructor(context: CreateContext<HeadersSetterConfig>) {
    this.#context = context
    this.#steps = context.config.headers.map(rule => this.#stepOf(rule))
    const additional = () => this.#additional()
    this.clientAuthenticator = {
      headers: (tenant, request) => this.#headers(tenant, request),
      get rejected() {
        const inner = additional()
        return inner?.rejected?.bind(inner)
      },
    }
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    for (const file of this.#files) await file.start()
  }

  async stop(): Promise<void> {
    for (const file of this.#files) file.stop()
  }

  refresh(): void {
    for (const file of this.#files) void file.refresh()
  }

  #headers(tenant: TenantId, context: RequestContext): Headers | Promise<Headers> {
    if (this.#context.config.additional_auth === undefined)
      return this.#apply(null, tenant, context)
    const additional = this.#additional()
    if (additional === null) {
      const { additional_auth } = this.#context.config
      return Promise.reject(new Error(`${additional_auth} is not an authenticator of exporters`))
    }
    // Two of these may name each other.
    if (this.#isAsking) return Promise.reject(new Error('additional_auth leads back to itself'))
    this.#isAsking = true
    const before = additional.headers(tenant, context)
    this.#isAsking = false
    return before instanceof Promise
      ? before.then(headers => this.#apply(headers, tenant, context))
      : this.#apply(before, tenant, context)
  }

  #apply(
    before: Headers | null,
    tenant: TenantId,
    context: RequestContext,
  ): Headers | Promise<Headers> {
    const isFixed = before === null && this.#steps.every(step => step.isFixed)
    if (isFixed && this.#fixed !== null) return this.#fixed
    const headers = new Map(before ?? [])
    try {
      for (const step of this.#steps) applyStep(step, headers, tenant, context)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (isFixed) this.#fixed = headers
    return headers
  }

  #additional(): ClientAuthenticator | null {
    const { additional_auth } = this.#context.config
    if (additional_auth === undefined) return null
    const found = this.#host?.extension<Component & HasClientAuthenticator>(additional_auth)
    return found?.clientAuthenticator ?? null
  }

  #stepOf(rule: HeaderRule): Step {
    const key = rule.key.toLowerCase()
    const fallback = rule.default_value?.reveal() ?? ''
    const step = (value: Step['value'], isFixed: boolean): Step => ({
      key,
      action: rule.action,
      value,
      isFixed,
    })
    if (rule.value !== undefined) {
      const text = rule.value.reveal()
      return step(() => text, true)
    }
    if (rule.value_file !== undefined) {
      const changed = (): void => {
        this.#fixed = null
      }
      const file = new SecretFile(rule.value_file, this.#context, changed)
      this.#files.push(file)
      return step(() => file.text, true)
    }
    if (rule.from_context !== undefined) {
      const name = rule.from_context.toLowerCase()
      return step((_tenant, context) => onlyValue(context, name) ?? fallback, false)
    }
    if (rule.from_attribute !== undefined) {
      const isTenant = TENANT_ATTRIBUTES.has(rule.from_attribute)
      return step(tenant => (isTenant ? tenant : fallback), !isTenant)
    }
    return step(() => '', true)
  }
}

function applyStep(
  { key, action, value }: Step,
  headers: Map<string, string>,
  tenant: TenantId,
  context: RequestContext,
): void {
  if (action === 'delete') headers.delete(key)
  else if (action === 'insert' && headers.has(key)) return
  else if (action === 'update' && !headers.has(key)) return
  else headers.set(key, value(tenant, context))
}

/** Several values of one key, of one request or of requests that were joined, leave open which one is meant. */
function onlyValue(context: RequestContext, name: string): string | undefined {
  const values = context.metadata.get(name) ?? []
  if (values.length <= 1) return values[0]
  throw new Error(`${values.length} values of ${name} came in`)
}
