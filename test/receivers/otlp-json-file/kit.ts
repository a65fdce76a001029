/** A running `otlp_json_file` receiver over a folder of its own, with a pipeline that answers as the test says. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { SYSTEM_CLOCK } from '../../../src/core/clock.ts'
import type { Component } from '../../../src/core/component.ts'
import { SIGNALS, type Signal } from '../../../src/core/signal.ts'
import type { NewLetter } from '../../../src/core/storage.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { config as spec } from '../../../src/receivers/otlp-json-file/config.ts'
import { OtlpJsonFileReceiver } from '../../../src/receivers/otlp-json-file/receiver.ts'
import { CollectingConsumer, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { eventually } from '../../harness/process.ts'
import { sampleRequest } from '../../harness/samples.ts'

const WITHIN_MS = 20_000

/** States and letters in memory, over the end of receivers. */
export class FakeStorage implements Component {
  readonly states = new Map<string, Uint8Array>()
  readonly written: NewLetter[] = []
  readonly checkpoints = {
    read: async (name: string) => this.states.get(name) ?? null,
    write: async (name: string, state: Uint8Array) => void this.states.set(name, state),
  }
  readonly queueStorage = {
    open: () => Promise.reject(new Error('no queues')),
    letters: {
      put: async (letter: NewLetter) => {
        this.written.push({ ...letter, chunks: letter.chunks.map(chunk => Buffer.from(chunk)) })
        return true
      },
    },
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

export interface FileKit {
  readonly services: Omit<ReturnType<typeof fakeServices>, 'clock'>
  readonly next: CollectingConsumer
  readonly receiver: OtlpJsonFileReceiver
  /** Requests that were taken, as protobuf in hex, in their order. */
  taken(signal?: Signal): string[]
  has(count: number, signal?: Signal): Promise<void>
  until(check: () => boolean | Promise<boolean>, what: string): Promise<void>
  stop(): Promise<void>
}

export async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-follow-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function startReceiver(
  t: TestContext,
  settings: object,
  storage: FakeStorage | null = null,
  signals: readonly Signal[] = SIGNALS,
  next: CollectingConsumer = new CollectingConsumer(),
): Promise<FileKit> {
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const config = spec.schema.parse({
    poll_interval: '10ms',
    start_at: 'beginning',
    force_flush_period: '50ms',
    ...(storage !== null && { storage: 'file_storage' }),
    ...settings,
  })
  const context = { ...services, id: 'otlp_json_file', config, signals }
  const receiver = new OtlpJsonFileReceiver(context, next)
  await receiver.start(fakeHost(new Map(storage === null ? [] : [['file_storage', storage]])))
  const stop = () => receiver.stop(AbortSignal.timeout(5000))
  t.after(stop)
  const taken = (signal: Signal = 'traces') =>
    next.batches
      .filter(batch => batch.signal === signal)
      .map(batch => Buffer.from(batch.parts[0].payload.bytes).toString('hex'))
  return {
    services,
    next,
    receiver,
    taken,
    has: (count, signal = 'traces') =>
      eventually(() => taken(signal).length >= count, WITHIN_MS, `${count} requests of ${signal}`),
    until: (check, what) => eventually(check, WITHIN_MS, what),
    stop,
  }
}

/** Request number `n` as it should arrive. */
export function hex(n: number, signal: Signal = 'traces'): string {
  return Buffer.from(sampleRequest(signal, n).bytes).toString('hex')
}

export function line(n: number, signal: Signal = 'traces'): string {
  return `${Buffer.from(encodeJson(signal, sampleRequest(signal, n).bytes)).toString()}\n`
}

export function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
