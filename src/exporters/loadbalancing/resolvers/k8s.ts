/** The endpoints of a Kubernetes service. */
import type { CreateContext } from '../../../core/factory.ts'
import type { K8sConfig } from '../config.ts'
import type { OnChange, Resolver } from './resolver.ts'

export class K8sResolver implements Resolver {
  constructor(_context: CreateContext<unknown>, _config: K8sConfig) {}

  async start(_onChange: OnChange): Promise<void> {}

  stop(): void {}
}
