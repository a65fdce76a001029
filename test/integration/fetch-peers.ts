/**
 * Fetches every neighbour before the integration tests run, one after the other, and says of each whether it is there: on a machine
 * that has none of them this takes ten minutes, the tests are bounded without it. In CI one that cannot be had is a failure.
 */
import { jaegerBinary } from './jaeger-peer.ts'
import { kafkaJars } from './kafka-peer.ts'
import { isCi, PeerError } from './peer-cache.ts'
import {
  GO_EXTENSIONS,
  GO_JAEGER,
  GO_KAFKA,
  GO_LOADBALANCING,
  GO_SPANMETRICS,
  GO_ZIPKIN,
  goCollector,
  h2spec,
  ottlOracle,
  pythonWithSdk,
} from './peers.ts'
import { promtool } from './promtool-peer.ts'
import { zipkinJar } from './zipkin-peer.ts'

/** Shown when something had to be done for it. */
const NOTICED_MS = 1500

const PEERS: readonly (readonly [string, () => unknown])[] = [
  ['Go collector', () => goCollector(GO_EXTENSIONS)],
  ['Go collector with Zipkin and Jaeger', () => goCollector([...GO_ZIPKIN, ...GO_JAEGER])],
  ['Go collector with Kafka', () => goCollector(GO_KAFKA)],
  ['Go collector with spanmetrics', () => goCollector(GO_SPANMETRICS)],
  ['Go collector with loadbalancing', () => goCollector(GO_LOADBALANCING)],
  ['OTTL of the Go collector', ottlOracle],
  ['Python SDK', pythonWithSdk],
  ['h2spec', h2spec],
  ['Kafka', kafkaJars],
  ['Zipkin', zipkinJar],
  ['Jaeger', jaegerBinary],
  ['promtool', promtool],
]

let absent = 0
for (const [name, fetch] of PEERS) {
  const startMs = performance.now()
  try {
    fetch()
    const tookMs = performance.now() - startMs
    const took = tookMs > NOTICED_MS ? ` (fetched in ${Math.round(tookMs / 1000)} s)` : ''
    console.log(`${name}: there${took}`)
  } catch (error) {
    absent++
    const why = error instanceof PeerError ? error.message : (error as Error).stack
    console.log(`${name}: ABSENT. ${why}`)
  }
}
if (absent > 0 && isCi()) process.exitCode = 1
