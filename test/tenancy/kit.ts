/** A book of tenants on a clock that is moved by hand, with a policy written as in a configuration. */
import { config as tenantsConfig } from '../../src/extensions/tenants/config.ts'
import { readPolicy } from '../../src/extensions/tenants/policy.ts'
import { TenantBook } from '../../src/tenancy/book/tenant-book.ts'
import type { TenantPolicy } from '../../src/tenancy/policy/policy.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

export class CountingUsage {
  readonly received_: string[] = []
  readonly turnedAway_: string[] = []

  received(tenant: string, signal: string, bytes: number): void {
    this.received_.push(`${tenant} ${signal} ${bytes}`)
  }

  turnedAway(tenant: string, reason: string): void {
    this.turnedAway_.push(`${tenant} ${reason}`)
  }

  delivered(): void {}
}

export function policyOf(section: object): TenantPolicy {
  const { policy, problems } = readPolicy(tenantsConfig.schema.parse(section))
  if (policy === null) throw new Error(problems.join('\n'))
  return policy
}

export interface BookFixture {
  readonly book: TenantBook
  readonly clock: FakeClock
  readonly usage: CountingUsage
  /** Puts another policy in force. */
  use(section: object): TenantPolicy
}

/** Null leaves the book without a policy. */
export function startBook(section: object | null): BookFixture {
  const clock = new FakeClock()
  const usage = new CountingUsage()
  const book = new TenantBook({ clock, usage })
  const use = (next: object): TenantPolicy => {
    const policy = policyOf(next)
    book.install(clock, policy)
    return policy
  }
  if (section !== null) use(section)
  return { book, clock, usage, use }
}
