/** An admin socket before a real ledger and book of usage, with parts that say what a test wants. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Inspector } from '../../src/core/component.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { AccountingLedger } from '../../src/telemetry/ledger.ts'
import { TenantUsage } from '../../src/tenancy/usage/tenant-usage.ts'
import { FakeClock, fakeHost } from '../../src/testing/fakes.ts'
import { type Finished, runMillrace } from './command-line.ts'

export interface Asked {
  readonly clock: FakeClock
  readonly ledger: AccountingLedger
  readonly usage: TenantUsage
  ask(...args: string[]): Promise<Finished>
  json(...args: string[]): Promise<ReturnType<typeof JSON.parse>>
}

export async function openAdmin(t: TestContext, parts: Partial<Inspector> = {}): Promise<Asked> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tenants-'))
  const clock = new FakeClock()
  const ledger = new AccountingLedger()
  const usage = new TenantUsage({ ledger, clock })
  usage.start()
  const path = join(folder, 'admin.sock')
  const { inspector } = fakeHost()
  const socket = await AdminSocket.open(path, { ...inspector, usage: () => usage, ...parts })
  t.after(() => {
    socket.close()
    rmSync(folder, { recursive: true })
  })
  const ask = (...args: string[]) => runMillrace([...args, '--socket', path])
  return {
    ...{ clock, ledger, usage, ask },
    json: async (...args) => JSON.parse((await ask(...args, '--json')).stdout),
  }
}
