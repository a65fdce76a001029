/** A list that never changes. */
import type { CreateContext } from '../../../core/factory.ts'
import { EndpointList, type OnChange, type Resolver } from './resolver.ts'

export class StaticResolver implements Resolver {
  readonly #context: CreateContext<unknown>
  readonly #hostnames: readonly string[]

  constructor(context: CreateContext<unknown>, hostnames: readonly string[]) {
    this.#context = context
    this.#hostnames = hostnames
  }

  async start(onChange: OnChange): Promise<void> {
    new EndpointList(this.#context, 'static', onChange).resolved(this.#hostnames)
  }

  stop(): void {}
}
