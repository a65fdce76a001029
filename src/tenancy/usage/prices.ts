/** What a tenant's data costs: the section `prices` of the extension `tenants`, and the sum that it makes of counts. */
import { z } from 'zod'
import { optionalSection, section } from '../../config/fields.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'

const GIB = 2 ** 30
const MILLION = 1e6
const MAX_CURRENCY = 16

const price = () => z.number().min(0).default(0)

/** The value of the key `prices`; absent stays absent. */
export function pricesField() {
  return optionalSection({
    currency: z.string().min(1).max(MAX_CURRENCY).default('USD').describe('Shown beside each sum.'),
    per_gib_in: price().describe('Of a GiB that came in, as protobuf.'),
    per_gib_out: price().describe('Of a GiB that a destination took, before compression.'),
    per_million_items: section(
      Object.fromEntries(
        SIGNALS.map(signal => [signal, price().describe(`Of a million accepted ${signal}.`)]),
      ) as Record<Signal, ReturnType<typeof price>>,
    ).describe('Of accepted spans, data points, log records and samples.'),
    exporters: z
      .record(
        z.string().min(1),
        section({ per_gib_out: price().describe('In place of `per_gib_out` for this exporter.') }),
      )
      .default({})
      .describe('Destinations with a price of their own, by the id of the exporter.'),
  })
}

export interface Prices {
  readonly currency: string
  readonly per_gib_in: number
  readonly per_gib_out: number
  readonly per_million_items: Readonly<Record<Signal, number>>
  readonly exporters: Readonly<Record<string, { readonly per_gib_out: number }>>
}

/** What one tenant used of one signal, as far as it has a price. */
export interface Priced {
  readonly signal: Signal
  readonly accepted: number
  readonly bytesIn: number
  readonly delivered: readonly { readonly exporter: string; readonly bytes: number }[]
}

export function costOf(used: Priced, prices: Prices): number {
  const items = (used.accepted / MILLION) * prices.per_million_items[used.signal]
  const bytesIn = (used.bytesIn / GIB) * prices.per_gib_in
  let bytesOut = 0
  for (const { exporter, bytes } of used.delivered) {
    const own = Object.hasOwn(prices.exporters, exporter) ? prices.exporters[exporter] : prices
    bytesOut += (bytes / GIB) * own.per_gib_out
  }
  return items + bytesIn + bytesOut
}
