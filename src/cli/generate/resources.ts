/** The resources of the invented shop: one per service instance, the same object each time, because serializers group by identity. */
import { REGIONS, type Service } from './shop.ts'

/** What the serializers read of a resource. */
export interface SdkResource {
  readonly attributes: Readonly<Record<string, string | number>>
  readonly schemaUrl: string
}

const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.38.0'

const resources = new Map<string, SdkResource>()

export function resourceOf(service: Service, instance: number): SdkResource {
  const key = `${service.name}/${instance}`
  let resource = resources.get(key)
  if (resource === undefined) resources.set(key, (resource = makeResource(service, instance)))
  return resource
}

function makeResource(service: Service, instance: number): SdkResource {
  const pod = `${service.name}-7d9f8b6c5-${instance}`
  const attributes = {
    'service.name': service.name,
    'service.version': service.version,
    'service.namespace': 'shop',
    'service.instance.id': pod,
    'deployment.environment.name': 'production',
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.language': service.language,
    'telemetry.sdk.version': '2.12.1',
    'host.name': `node-${instance + 1}.cluster`,
    'k8s.pod.name': pod,
    'cloud.region': REGIONS[instance % REGIONS.length],
    'process.pid': 1000 + instance,
  }
  return { attributes, schemaUrl: SCHEMA_URL }
}
