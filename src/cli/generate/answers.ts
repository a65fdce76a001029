/** How many items an accepted request's answer says were rejected. */
import type { Signal } from '../../core/signal.ts'
import { decodeExportResponse, isResponseFault, type ResponseFormat } from '../../otlp/responses.ts'

/** An answer that cannot be read is a success all the same: the status said so. */
export function countRejected(
  signal: Signal,
  response: Buffer | undefined,
  format: ResponseFormat,
): number {
  if (response === undefined || response.length === 0) return 0
  const partial = decodeExportResponse(signal, response, format)
  return partial === null || isResponseFault(partial) ? 0 : partial.rejected
}
