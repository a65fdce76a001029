/**
 * Tag keys that mean more than an attribute: what OTLP holds in the resource, the scope, the status or a link, Zipkin
 * has only tags for. Known by number ("class"), found by the bytes of the key.
 */
import { hashBytes } from '../hash.ts'

/** Tags that describe what emitted the span; they become attributes of its resource. */
const RESOURCE_KEYS = `service.name service.namespace service.instance.id service.version
cloud.provider cloud.account.id cloud.region cloud.availability_zone cloud.platform cloud.resource_id
aws.ecs.container.arn aws.ecs.cluster.arn aws.ecs.launchtype aws.ecs.task.arn aws.ecs.task.family aws.ecs.task.revision
aws.eks.cluster.arn aws.log.group.names aws.log.group.arns aws.log.stream.names aws.log.stream.arns
container.name container.id container.runtime container.image.name container.image.tag deployment.environment
device.id device.model.identifier device.model.name device.manufacturer
faas.name faas.id faas.version faas.instance faas.max_memory
host.id host.name host.type host.arch host.image.name host.image.id host.image.version
k8s.cluster.name k8s.node.name k8s.node.uid k8s.namespace.name k8s.pod.uid k8s.pod.name k8s.container.name
k8s.container.restart_count k8s.replicaset.uid k8s.replicaset.name k8s.deployment.uid k8s.deployment.name
k8s.statefulset.uid k8s.statefulset.name k8s.daemonset.uid k8s.daemonset.name k8s.job.uid k8s.job.name
k8s.cronjob.uid k8s.cronjob.name os.type os.description os.name os.version
process.pid process.executable.name process.executable.path process.command process.command_line process.command_args
process.owner process.runtime.name process.runtime.version process.runtime.description
telemetry.sdk.name telemetry.sdk.language telemetry.sdk.version telemetry.auto.version
webengine.name webengine.version webengine.description
opencensus.starttime opencensus.exporterversion opencensus.resourcetype`.split(/\s+/)

/** Links are `otlp.link.0`, `otlp.link.1`, ...; more of them than this stay tags. */
export const MAX_LINKS = 128
export const LINK_PREFIX = 'otlp.link.'

/** By class; class 0 is no key of its own. */
const KEYS: string[] = ['']

function keyClass(key: string): number {
  return KEYS.push(key) - 1
}

for (const key of RESOURCE_KEYS) KEYS.push(key)
export const SERVICE_NAME = 1
export const LAST_RESOURCE = KEYS.length - 1
/** Names the attribute that the service name was taken from, when it was not `service.name`. */
export const SERVICE_SOURCE = keyClass('otlp.service.name.source')
export const LIBRARY_NAME = keyClass('otel.library.name')
export const LIBRARY_VERSION = keyClass('otel.library.version')
export const SCOPE_NAME = keyClass('otel.scope.name')
export const SCOPE_VERSION = keyClass('otel.scope.version')
export const TRACE_STATE = keyClass('w3c.tracestate')
export const SPAN_KIND = keyClass('span.kind')
export const STATUS_CODE = keyClass('otel.status_code')
export const STATUS_DESCRIPTION = keyClass('otel.status_description')
export const ERROR = keyClass('error')
export const DROPPED_ATTRIBUTES = keyClass('otel.dropped_attributes_count')
export const DROPPED_EVENTS = keyClass('otel.dropped_events_count')
export const DROPPED_LINKS = keyClass('otel.dropped_links_count')
export const START_ABSENT = keyClass('otel.zipkin.absentField.startTime')
export const SHARED = keyClass('otel.zipkin.shared')
export const DEBUG = keyClass('otel.zipkin.debug')
export const LOCAL_ADDRESS = keyClass('network.local.address')
export const LOCAL_PORT = keyClass('net.host.port')
export const PEER_SERVICE = keyClass('peer.service')
export const PEER_ADDRESS = keyClass('network.peer.address')
export const PEER_PORT = keyClass('net.peer.port')
/** The classes from here to before LINKS have a meaning in format v1 only. */
export const CENSUS_CODE = keyClass('census.status_code')
export const CENSUS_MESSAGE = keyClass('census.status_description')
export const OPENCENSUS_MESSAGE = keyClass('opencensus.status_description')
export const HTTP_CODE = keyClass('http.status_code')
export const HTTP_RESPONSE_CODE = keyClass('http.response.status_code')
export const HTTP_MESSAGE = keyClass('http.status_message')
export const LINKS = KEYS.length
for (let i = 0; i < MAX_LINKS; i++) keyClass(`${LINK_PREFIX}${i}`)
/** Places for texts of a span that are no tags. */
export const NAME = KEYS.length
export const LOCAL_SERVICE = NAME + 1
export const LOCAL_IP = NAME + 2
export const REMOTE_SERVICE = NAME + 3
export const REMOTE_IP = NAME + 4
/** Of the endpoint that names the resource in format v1. */
export const HOST_IPV4 = NAME + 5
export const HOST_IPV6 = NAME + 6
/** What a v1 span says of itself when none of its annotations has a host: `lc`, and the host of a binary annotation. */
export const LOCAL_COMPONENT = NAME + 7
export const FALLBACK_SERVICE = NAME + 8
export const CLASSES = NAME + 9

export const KEY_BYTES: readonly Uint8Array[] = KEYS.map(key => new Uint8Array(Buffer.from(key)))

/** 1 for the classes that a format's reader looks out for. */
export const SPECIAL_V2 = new Uint8Array(CLASSES)
export const SPECIAL_V1 = new Uint8Array(CLASSES)
for (let key = 1; key < NAME; key++) {
  const legacy = key >= CENSUS_CODE && key < LINKS
  SPECIAL_V2[key] = legacy ? 0 : 1
  const status = key === STATUS_CODE || key === STATUS_DESCRIPTION || key === ERROR
  const synthetic = key >= START_ABSENT && key <= PEER_PORT
  SPECIAL_V1[key] = legacy || status || synthetic ? 1 : 0
}

/** Open addressing: class by hash, 0 = free. */
const SLOTS = 1024
const slots = new Uint16Array(SLOTS)
for (let key = 1; key < NAME; key++) {
  const bytes = KEY_BYTES[key]
  let slot = hashBytes(bytes, 0, bytes.length) & (SLOTS - 1)
  while (slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
  slots[slot] = key
}

/** Class of the key `bytes[start..end)`, whose hash is `hash`; 0 = an attribute like any. */
export function classOf(bytes: Uint8Array, start: number, end: number, hash: number): number {
  for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
    const key = slots[slot]
    if (key === 0) return 0
    if (sameBytes(KEY_BYTES[key], bytes, start, end)) return key
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  if (a.length !== end - start) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[start + i]) return false
  return true
}
