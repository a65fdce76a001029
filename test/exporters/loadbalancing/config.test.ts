/** What is found wrong with sections of `loadbalancing`, and what an upstream section comes to. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import type { LoadBalancingConfig } from '../../../src/exporters/loadbalancing/config.ts'
import { factory } from '../../../src/exporters/loadbalancing/factory.ts'

const STATIC = { static: { hostnames: ['a:1'] } }

function read(section: object): LoadBalancingConfig {
  const { config, faults } = judgeSection(factory.config, section)
  assert.deepEqual(faults, [])
  return config as LoadBalancingConfig
}

function faultsOf(section: object): string[] {
  return judgeSection(factory.config, section).faults.map(
    ({ path, message }) => `${path.join('.')} ${message}`,
  )
}

describe('the section of loadbalancing', () => {
  it('has the defaults of upstream', () => {
    const config = read({ resolver: { dns: { hostname: 'gateways' } } })

    assert.equal(config.routing_key, '')
    assert.equal(config.sending_queue, undefined)
    assert.equal(config.retry_on_failure, undefined)
    assert.deepEqual(config.resolver.dns, {
      hostname: 'gateways',
      port: '',
      interval: 5000,
      timeout: 1000,
    })
    const { otlp } = config.protocol
    assert.equal(otlp.compression, 'gzip')
    assert.equal(otlp.sending_queue.queue_size, 1000)
    assert.equal(otlp.retry_on_failure.max_elapsed_time, 300_000)
    const { k8s } = read({ resolver: { k8s: { service: 'gw' } } }).resolver
    assert.equal(k8s?.timeout, 60_000)
    assert.deepEqual(k8s?.ports, [])
  })

  it('takes a port as a text or as a number', () => {
    for (const port of ['55690', 55_690]) {
      assert.equal(read({ resolver: { dns: { hostname: 'a', port } } }).resolver.dns?.port, '55690')
    }
    assert.match(faultsOf({ resolver: { dns: { hostname: 'a', port: 'grpc' } } })[0], /not a port/)
  })

  it('wants exactly one resolver', () => {
    assert.match(faultsOf({})[0], /resolver names no resolver/)
    const both = { ...STATIC, dns: { hostname: 'b' } }
    assert.match(faultsOf({ resolver: both })[0], /more than one/)
    assert.match(faultsOf({ resolver: { static: {} } })[0], /hostnames is empty/)
    assert.match(faultsOf({ resolver: { dns: {} } })[0], /hostname is missing/)
    assert.match(faultsOf({ resolver: { k8s: {} } })[0], /service is missing/)
  })

  it('says that aws_cloud_map is not there', () => {
    const cloud = { namespace: 'a', service_name: 'b' }

    assert.deepEqual(faultsOf({ resolver: { aws_cloud_map: cloud } }), [
      'resolver.aws_cloud_map is not available in Millrace',
    ])
  })

  it('judges names of services as upstream does', () => {
    for (const service of ['gw', 'gw.ns', 'gw.ns.svc.cluster.local']) {
      read({ resolver: { k8s: { service } } })
    }
    for (const service of ['.ns', 'gw..svc.local', 'gw.ns.pod.local', 'gw.ns.svc']) {
      assert.equal(faultsOf({ resolver: { k8s: { service } } }).length, 1, service)
    }
  })

  it('does not show the token of the cluster on the way', () => {
    const k8s = (endpoint: string, token_file?: string) => ({
      resolver: { k8s: { service: 'gw', api_server: { endpoint, token_file } } },
    })

    read(k8s('https://api:6443', '/token'))
    read(k8s('http://localhost:8001', '/token'))
    read(k8s('http://proxy:8001'))
    assert.match(faultsOf(k8s('http://api:8001', '/token'))[0], /token/)
    assert.match(faultsOf(k8s('api:8001'))[0], /not a URL/)
  })

  it('wants routing_attributes with routing_key attributes and only then', () => {
    const resolver = STATIC
    assert.match(
      faultsOf({ resolver, routing_key: 'attributes' })[0],
      /routing_attributes is empty/,
    )
    assert.match(faultsOf({ resolver, routing_attributes: ['a'] })[0], /no effect/)
    assert.match(faultsOf({ resolver, routing_key: 'span' })[0], /^routing_key/)
    read({ resolver, routing_key: 'attributes', routing_attributes: ['a'] })
  })

  it('refuses a storage for the queues of backends, and takes one for its own', () => {
    const otlp = { sending_queue: { storage: 'file_storage' } }

    assert.match(faultsOf({ resolver: STATIC, protocol: { otlp } })[0], /cannot be shared/)
    read({ resolver: STATIC, sending_queue: { storage: 'file_storage' } })
  })

  it('finds what is wrong inside the sections of sending', () => {
    const otlp = { sending_queue: { queue_size: 5, sizer: 'items', batch: { min_size: 10 } } }

    const faults = faultsOf({ resolver: STATIC, protocol: { otlp } })

    assert.match(faults[0], /^protocol\.otlp\.sending_queue\.batch\.min_size/)
  })
})
