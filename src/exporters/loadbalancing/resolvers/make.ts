/** Which resolver a configuration asks for; its check has seen to it that there is exactly one. */
import type { CreateContext } from '../../../core/factory.ts'
import type { LoadBalancingConfig } from '../config.ts'
import { DnsResolver } from './dns.ts'
import { K8sResolver } from './k8s.ts'
import type { Resolver } from './resolver.ts'
import { StaticResolver } from './static.ts'

export function makeResolver(context: CreateContext<LoadBalancingConfig>): Resolver {
  const { static: fixed, dns, k8s } = context.config.resolver
  if (dns !== undefined) return new DnsResolver(context, dns)
  if (k8s !== undefined) return new K8sResolver(context, k8s)
  return new StaticResolver(context, fixed!.hostnames)
}
