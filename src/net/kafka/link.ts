/** One connection to one broker, as a client library gives it. */
import type { KafkaFailure } from './client.ts'
import type { RequestBody } from './protocol.ts'

export interface Link {
  readonly host: string
  readonly port: number
  /** Connected, and authenticated where that is asked for. */
  readonly isOpen: boolean
  /** Connects and authenticates; safe to call again, also while it goes on. Never rejects. */
  open(): Promise<KafkaFailure | null>
  /** Of this api, what the broker takes at most and at least; known once open. */
  versions(apiKey: number): { readonly min: number; readonly max: number }
  /**
   * Resolves with the body of the answer. Where none is expected: with nothing, when the request is written. A failure
   * means that the broker may have got it or not; a link that does not answer is closed. Never rejects.
   */
  request(
    body: RequestBody,
    timeoutMs: number,
    expectResponse: boolean,
  ): Promise<Buffer | KafkaFailure>
  /** The broker asks for less: later requests wait for so long. */
  throttle(ms: number): void
  /** What is open fails. May be opened again. Never rejects. */
  close(): Promise<void>
}

export type CreateLink = (host: string, port: number) => Link
