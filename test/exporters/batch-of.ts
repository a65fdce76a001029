/** Batches for exporter tests: a request as a receiver would hand it on, with a look at whether its bytes were let go. */
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import { Payload } from '../../src/core/payload.ts'
import type { Signal } from '../../src/core/signal.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import type { Selection } from '../../src/otlp/selection.ts'
import type { FakeServices } from '../../src/testing/fakes.ts'

export interface TestBatch {
  readonly batch: Batch
  /** True once the last owner has let go of the bytes. */
  freed(): boolean
}

/** Books the items as accepted, as a receiver does. */
export function acceptBatch(
  { ledger }: Pick<FakeServices, 'ledger'>,
  signal: Signal,
  bytes: Uint8Array,
  selection: Selection | null = null,
  tenant = DEFAULT_TENANT,
): TestBatch {
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(`not valid: ${index.fault}`)
  let freed = false
  const payload = new Payload(bytes, { onFree: () => (freed = true) })
  const items = selection?.count ?? index.items
  const part = { payload, index, selection, edits: null, items }
  ledger.accepted(tenant, signal, items)
  return { batch: new Batch(signal, tenant, NO_CONTEXT, [part]), freed: () => freed }
}
