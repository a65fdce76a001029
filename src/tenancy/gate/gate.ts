/**
 * The door of a receiver: from what a request shows by its head to the tenant that it is of, or to the answer that it
 * gets instead. Nothing of the body has been kept by then, so turning away is cheap.
 *
 * ```
 * head -> address -> authenticator -> signals -> tenant's account -> connection -> limits -> Passage
 * ```
 */
import { DEFAULT_TENANT, type TenantId } from '../../core/batch.ts'
import type { AuthDenied, AuthOutcome, ServerAuthenticator } from '../../core/identity.ts'
import type { Signal } from '../../core/signal.ts'
import {
  type Tenancy,
  type TenantAccount,
  type TenantDoor,
  type TurnedAway,
  UNKNOWN_SENDERS,
} from '../../core/tenancy.ts'
import type { RequestHead } from '../../net/admission.ts'
import { GRPC, type RpcStatus } from '../../net/status.ts'

const UNAVAILABLE_RETRY_MS = 1000

/** A request that was let in. */
export class Passage {
  readonly tenant: TenantId
  readonly account: TenantAccount | null
  #isOver = false

  constructor(tenant: TenantId, account: TenantAccount | null) {
    this.tenant = tenant
    this.account = account
  }

  /** The request is answered, or gone. Safe twice. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.account?.leave()
  }
}

export interface GateOptions {
  readonly tenancy: Tenancy
  /** Asked anew for each request, since a reload may replace it; undefined while it does not run. Null: nobody is asked. */
  readonly authenticator: (() => ServerAuthenticator | undefined) | null
}

export class Gate {
  readonly #options: GateOptions

  constructor(options: GateOptions) {
    this.#options = options
  }

  // hot: bench/flow/tenants.ts
  admit(head: RequestHead, signal: Signal): Passage | RpcStatus | Promise<Passage | RpcStatus> {
    const { authenticator, tenancy } = this.#options
    const { door } = tenancy
    if (door !== null && !door.admits(head.address)) {
      tenancy.usage.turnedAway(UNKNOWN_SENDERS, 'address_denied')
      return ADDRESS_DENIED
    }
    if (authenticator === null) return this.#enter(DEFAULT_TENANT, head, signal, door)
    const found = authenticator()
    if (found === undefined) {
      tenancy.usage.turnedAway(UNKNOWN_SENDERS, 'verifier_unavailable')
      return VERIFIER_UNAVAILABLE
    }
    const outcome = found.authenticate(head)
    return outcome instanceof Promise
      ? outcome.then(settled => this.#identified(settled, head, signal))
      : this.#identified(outcome, head, signal)
  }

  #identified(outcome: AuthOutcome, head: RequestHead, signal: Signal): Passage | RpcStatus {
    const { tenancy } = this.#options
    if (outcome.kind === 'denied') {
      tenancy.usage.turnedAway(UNKNOWN_SENDERS, outcome.reason)
      return deniedStatus(outcome)
    }
    const { tenant, signals } = outcome.identity
    if (signals !== null && !signals.includes(signal)) {
      tenancy.usage.turnedAway(tenant, 'signal_not_allowed')
      return {
        code: GRPC.PERMISSION_DENIED,
        message: `these credentials are not for ${signal}`,
        reason: 'signal_not_allowed',
      }
    }
    return this.#enter(tenant, head, signal, tenancy.door)
  }

  #enter(
    tenant: TenantId,
    { guest, address }: RequestHead,
    signal: Signal,
    door: TenantDoor | null,
  ): Passage | RpcStatus {
    if (door === null) {
      guest.prove()
      return new Passage(tenant, null)
    }
    const account = door.account(tenant)
    if (account.kind === 'turned_away') return this.#turnAway(tenant, account)
    // Nobody would take off the count who has gone meanwhile.
    if (guest.holder === null && !guest.isGone) {
      const over = account.connected()
      if (over !== null) return this.#turnAway(tenant, over)
      guest.holder = account
    }
    guest.prove()
    const over = account.enter(signal, address)
    return over === null ? new Passage(tenant, account) : this.#turnAway(tenant, over)
  }

  #turnAway(tenant: TenantId, away: TurnedAway): RpcStatus {
    // Names are free to make: a tenant that is not known gets no account in the book.
    const isNobody = away.reason === 'unknown_tenant' || away.reason === 'too_many_tenants'
    this.#options.tenancy.usage.turnedAway(isNobody ? UNKNOWN_SENDERS : tenant, away.reason)
    return statusOfTurnedAway(away)
  }
}

const TURNED_AWAY_CODE: Readonly<Record<TurnedAway['code'], number>> = {
  quota: GRPC.RESOURCE_EXHAUSTED,
  busy: GRPC.UNAVAILABLE,
  permission_denied: GRPC.PERMISSION_DENIED,
}

export function statusOfTurnedAway(away: TurnedAway): RpcStatus {
  const { message, reason, retryAfterMs } = away
  const code = TURNED_AWAY_CODE[away.code]
  return retryAfterMs > 0
    ? { code, message, reason, retryDelayMs: retryAfterMs }
    : { code, message, reason }
}

const DENIED_CODE: Readonly<Record<AuthDenied['code'], number>> = {
  unauthenticated: GRPC.UNAUTHENTICATED,
  permission_denied: GRPC.PERMISSION_DENIED,
  busy: GRPC.UNAVAILABLE,
}

function deniedStatus({ code, reason, message, retryAfterMs }: AuthDenied): RpcStatus {
  const status = { code: DENIED_CODE[code], message, reason }
  if (code !== 'busy') return status
  return { ...status, retryDelayMs: retryAfterMs ?? UNAVAILABLE_RETRY_MS }
}

const ADDRESS_DENIED: RpcStatus = Object.freeze({
  code: GRPC.PERMISSION_DENIED,
  message: 'nothing is taken from this address',
  reason: 'address_denied',
})

const VERIFIER_UNAVAILABLE: RpcStatus = Object.freeze({
  code: GRPC.UNAVAILABLE,
  message: 'who sends cannot be checked now, try again later',
  reason: 'verifier_unavailable',
  retryDelayMs: UNAVAILABLE_RETRY_MS,
})
