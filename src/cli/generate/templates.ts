/** Encoded requests made once, by the same serializers that SDKs use, and stamped for each sending. */
import type { Signal } from '../../core/signal.ts'
import { makeMetrics } from './metrics.ts'
import { Random } from './random.ts'
import { JsonStamps, ProtoStamps, type Stamps } from './stamps.ts'
import { makeLogs, makeSpans, type SdkSpan } from './traces.ts'

/** Different requests of a signal; enough that compression and caches meet variety. */
const TEMPLATES = 8

export type Encoding = 'proto' | 'json'

interface Template {
  readonly bytes: Buffer
  readonly stamps: Stamps
}

interface Serializer {
  serializeRequest(telemetry: unknown): Uint8Array | undefined
}

/** Requests of one seed, encoding and size. The n-th of each signal belong together: logs name the spans of the traces. */
export class TemplateSet {
  readonly #encoding: Encoding
  readonly #seed: number
  readonly #serializers: Readonly<Record<Signal, Serializer>>
  readonly #made = new Map<string, Template>()

  private constructor(
    encoding: Encoding,
    seed: number,
    serializers: Readonly<Record<Signal, Serializer>>,
  ) {
    this.#encoding = encoding
    this.#seed = seed
    this.#serializers = serializers
  }

  /** Loads the serializers, which no other command needs. */
  static async create(encoding: Encoding, seed: number): Promise<TemplateSet> {
    const transformer = await import('@opentelemetry/otlp-transformer')
    const {
      ProtobufTraceSerializer,
      ProtobufMetricsSerializer,
      ProtobufLogsSerializer,
      JsonTraceSerializer,
      JsonMetricsSerializer,
      JsonLogsSerializer,
    } = transformer
    const [traces, metrics, logs] =
      encoding === 'json'
        ? [JsonTraceSerializer, JsonMetricsSerializer, JsonLogsSerializer]
        : [ProtobufTraceSerializer, ProtobufMetricsSerializer, ProtobufLogsSerializer]
    // What the serializers declare as input is the SDK's classes; they read only what ours have.
    const serializers = { traces, metrics, logs } as unknown as Record<Signal, Serializer>
    return new TemplateSet(encoding, seed, serializers)
  }

  /** Makes the templates of a size before they are needed. */
  prepare(signal: Signal, items: number): void {
    for (let number = 0; number < TEMPLATES; number++) this.#template(signal, items, number)
  }

  /** The request with this sequence number: `items` spans, data points or log records. */
  request(signal: Signal, items: number, sequence: number, nowMs: number): Buffer {
    const { bytes, stamps } = this.#template(signal, items, sequence % TEMPLATES)
    return stamps.apply(bytes, sequence, nowMs)
  }

  #template(signal: Signal, items: number, number: number): Template {
    const key = `${signal} ${items} ${number}`
    let template = this.#made.get(key)
    if (template === undefined) {
      this.#made.set(key, (template = this.#make(signal, items, number)))
    }
    return template
  }

  #make(signal: Signal, items: number, number: number): Template {
    const encoded = this.#serializers[signal].serializeRequest(
      this.#telemetry(signal, items, number),
    )
    const bytes = Buffer.from(encoded!)
    const stamps =
      this.#encoding === 'json' ? new JsonStamps(bytes) : new ProtoStamps(signal, bytes)
    return { bytes, stamps }
  }

  #telemetry(signal: Signal, items: number, number: number): unknown {
    const random = new Random(this.#seed * 1000 + number)
    if (signal === 'metrics') return makeMetrics(random, items, number)
    // Logs begin with the same random numbers, so their spans are those of the traces.
    const spans: SdkSpan[] = makeSpans(random, items)
    return signal === 'traces' ? spans : makeLogs(random, spans, items)
  }
}
