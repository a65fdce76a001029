/** A running jaeger receiver on free ports with a collecting consumer behind it, and clients for its protocols. */
import { createSocket } from 'node:dgram'
import { Metadata } from '@grpc/grpc-js'
import type { Component } from '../../../src/core/component.ts'
import { config as jaegerConfig } from '../../../src/receivers/jaeger/config.ts'
import { type JaegerPorts, JaegerReceiver } from '../../../src/receivers/jaeger/receiver.ts'
import { fakeHost } from '../../../src/testing/fakes.ts'
import type { BatchModel, SpanModel } from '../../translate/jaeger/thrift-maker.ts'
import {
  makeSurroundings,
  type Scope,
  type Surroundings,
  type SurroundingsOptions,
} from '../kit.ts'
import { type GrpcAnswer, GrpcClient, type HttpReply, post } from '../otlp/running.ts'

export const POST_SPANS = '/jaeger.api_v2.CollectorService/PostSpans'

export interface RunningJaeger extends Surroundings {
  readonly receiver: JaegerReceiver
  readonly ports: JaegerPorts
  call(path: string, bytes: Uint8Array, headers?: Record<string, string>): Promise<GrpcAnswer>
  post(body: Uint8Array, headers?: Record<string, string>): Promise<HttpReply>
  /** A packet to the agent's compact or binary port. */
  packet(protocol: 'compact' | 'binary', bytes: Uint8Array): Promise<void>
  /** Stops it before the end of the test. */
  stop(deadline: AbortSignal): Promise<void>
}

export interface JaegerOptions extends SurroundingsOptions {
  /** Sections of the protocols; all four are on unless named here, free ports are filled in. */
  readonly protocols?: Readonly<Record<string, object>>
  readonly extensions?: ReadonlyMap<string, Component>
}

const ALL = { grpc: {}, thrift_http: {}, thrift_compact: {}, thrift_binary: {} }

/** Checks the books when the test ends. */
export async function startJaegerReceiver(
  t: Scope,
  options: JaegerOptions = {},
): Promise<RunningJaeger> {
  const surroundings = makeSurroundings(options)
  const protocols = Object.entries(options.protocols ?? ALL).map(([name, section]) => [
    name,
    { endpoint: 'localhost:0', ...section },
  ])
  const config = jaegerConfig.schema.parse({ protocols: Object.fromEntries(protocols) })
  const receiver = new JaegerReceiver(surroundings.context('jaeger', config), surroundings.next)
  await receiver.start(fakeHost(options.extensions))
  const { ports } = receiver
  const grpc = new GrpcClient(ports.grpc)
  const udp = createSocket('udp4')
  t.after(async () => {
    grpc.close()
    udp.close()
    await receiver.stop(AbortSignal.timeout(2000))
    surroundings.settleBooks()
  })
  return {
    ...surroundings,
    receiver,
    ports,
    stop: deadline => receiver.stop(deadline),
    call: (path, bytes, headers = {}) => {
      const metadata = new Metadata()
      for (const [key, value] of Object.entries(headers)) metadata.set(key, value)
      return grpc.call(path, bytes, metadata)
    },
    post: (body, headers = { 'content-type': 'application/x-thrift' }) =>
      post(`http://127.0.0.1:${ports.thriftHttp}/api/traces?format=jaeger.thrift`, body, headers),
    packet: (protocol, bytes) =>
      new Promise((resolve, reject) => {
        const port = protocol === 'compact' ? ports.thriftCompact : ports.thriftBinary
        udp.send(bytes, port, '127.0.0.1', error => (error === null ? resolve() : reject(error)))
      }),
  }
}

/** A batch of one service. */
export function makeModel(spans = 1, tags: SpanModel['tags'] = []): BatchModel {
  return {
    process: { serviceName: 'checkout' },
    spans: Array.from({ length: spans }, (_, i) => ({
      traceIdLow: 0xabcd,
      traceIdHigh: 1,
      spanId: i + 1,
      operationName: `step ${i}`,
      flags: 1,
      startTime: 1_700_000_000_000_000 + i,
      duration: 10,
      tags,
    })),
  }
}
