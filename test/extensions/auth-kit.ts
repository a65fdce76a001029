/** Extensions that check or show credentials, created as the product does from what users write. */
import type { TestContext } from 'node:test'
import type { Component } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import type {
  AuthOutcome,
  Credentials,
  HasClientAuthenticator,
  HasServerAuthenticator,
} from '../../src/core/identity.ts'
import { type FakeServices, fakeHost, fakeServices } from '../../src/testing/fakes.ts'

type AuthExtension = Component & HasServerAuthenticator & HasClientAuthenticator

export interface RunningAuth {
  readonly extension: AuthExtension
  readonly services: FakeServices
  authenticate(credentials: Credentials): AuthOutcome | Promise<AuthOutcome>
}

/** What is wrong with a configuration, with paths; empty when it is right. */
export function problemsOf(factory: Factory, written: object | null): string[] {
  const parsed = factory.config.schema.safeParse(written)
  if (!parsed.success) return parsed.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  const problems = factory.config.check?.(parsed.data) ?? []
  return problems.map(({ path, message }) => `${path.join('.')} ${message}`)
}

export async function startAuth(
  t: TestContext,
  factory: Factory,
  written: object,
  others: ReadonlyMap<string, Component> = new Map(),
): Promise<RunningAuth> {
  const services = fakeServices()
  const config = factory.config.schema.parse(written)
  const context = { ...services, id: factory.meta.id, config, signals: [] }
  const extension = factory.create(context, undefined as never) as AuthExtension
  t.after(() => extension.stop(AbortSignal.abort()))
  await extension.start(fakeHost(others))
  return {
    extension,
    services,
    authenticate: credentials => extension.serverAuthenticator.authenticate(credentials),
  }
}

/** Reads its files again and waits until `isDone`. */
export async function refreshUntil(
  { extension }: RunningAuth,
  isDone: () => boolean | Promise<boolean>,
): Promise<void> {
  extension.refresh?.()
  while (!(await isDone())) await new Promise(setImmediate)
}
