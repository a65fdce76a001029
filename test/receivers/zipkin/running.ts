/** A running zipkin receiver on a free port with a collecting consumer behind it. */
import type { Component } from '../../../src/core/component.ts'
import { config as zipkinConfig } from '../../../src/receivers/zipkin/config.ts'
import { ZipkinReceiver } from '../../../src/receivers/zipkin/receiver.ts'
import { fakeHost } from '../../../src/testing/fakes.ts'
import {
  makeSurroundings,
  type Scope,
  type Surroundings,
  type SurroundingsOptions,
} from '../kit.ts'
import { type HttpReply, post } from '../otlp/running.ts'

export interface RunningZipkin extends Surroundings {
  readonly receiver: ZipkinReceiver
  readonly url: string
  /** Posts as JSON unless told otherwise. */
  send(
    path: string,
    body: Uint8Array | string | object,
    headers?: Record<string, string>,
  ): Promise<HttpReply>
}

export interface ZipkinOptions extends SurroundingsOptions {
  readonly config?: object
  readonly extensions?: ReadonlyMap<string, Component>
}

/** Checks the books when the test ends. */
export async function startZipkinReceiver(
  t: Scope,
  options: ZipkinOptions = {},
): Promise<RunningZipkin> {
  const surroundings = makeSurroundings(options)
  const config = zipkinConfig.schema.parse({ endpoint: 'localhost:0', ...options.config })
  const receiver = new ZipkinReceiver(surroundings.context('zipkin', config), surroundings.next)
  await receiver.start(fakeHost(options.extensions))
  t.after(async () => {
    await receiver.stop(AbortSignal.timeout(2000))
    surroundings.settleBooks()
  })
  const url = `http://127.0.0.1:${receiver.port}`
  return {
    ...surroundings,
    receiver,
    url,
    send: (path, body, headers = { 'content-type': 'application/json' }) =>
      post(
        url + path,
        typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        headers,
      ),
  }
}
