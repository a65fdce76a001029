/** A host for extensions under test, whose inspector says what the test wants. */
import type { TestContext } from 'node:test'
import type { Component, Host, Inspector } from '../../src/core/component.ts'
import type { ConfigSpec, CreateContext } from '../../src/core/factory.ts'
import { type FakeServices, fakeHost, fakeServices } from '../../src/testing/fakes.ts'

export interface Running<X> {
  readonly extension: X
  readonly services: FakeServices
  readonly url: string
}

/** Starts it on a free port of the local machine; stops it when the test ends. */
export async function startExtension<C, X extends Component & { readonly port: number }>(
  t: TestContext,
  spec: ConfigSpec<C>,
  create: (context: CreateContext<C>) => X,
  settings: object = {},
  inspector: Partial<Inspector> = {},
): Promise<Running<X>> {
  const services = fakeServices()
  const config = spec.schema.parse({ endpoint: 'localhost:0', ...settings })
  const extension = create({ ...services, id: 'under_test', config, signals: [] })
  t.after(() => extension.stop(new AbortController().signal))
  await extension.start(hostWith(inspector))
  return { extension, services, url: `http://127.0.0.1:${extension.port}` }
}

function hostWith(inspector: Partial<Inspector>): Host {
  const host = fakeHost()
  return { ...host, inspector: { ...host.inspector, ...inspector } }
}
