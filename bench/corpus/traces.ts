/** Requests of spans as HTTP servers send them: 437 bytes and 10 attributes a span, as many traces as a batch usually mixes. */
import { Random } from '../../src/cli/generate/random.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import {
  type Attribute,
  type CorpusOptions,
  EPOCH_NANOS,
  randomBytes,
  writeAttributes,
  writeEnvelope,
} from './envelope.ts'

const OPERATIONS = [
  'GET /cart',
  'POST /checkout',
  'GET /product/{id}',
  'grpc.CartService/AddItem',
  'SELECT orders',
  'redis GET',
]
const SPANS_PER_TRACE = 8
const FAILED_EVERY = 50
const STATUS_ERROR = 2
/** Sampled, and the parent is known not to be remote. */
const FLAGS = 0x101

/** One resource, one scope, `items` (512) spans. */
export function tracesRequest({
  seed = 1,
  items = 512,
  nonAscii = 0,
}: CorpusOptions = {}): Uint8Array {
  const random = new Random(seed)
  const out = new Writer(items * 450 + 1024)
  const traces = Math.max(1, Math.floor(items / SPANS_PER_TRACE))
  const ids = Array.from({ length: traces }, () => randomBytes(random, 16))
  writeEnvelope(out, random, '@opentelemetry/instrumentation-http', () => {
    for (let i = 0; i < items; i++) writeSpan(out, random, i, ids[i % traces], nonAscii)
  })
  return out.finish()
}

function writeSpan(
  out: Writer,
  random: Random,
  i: number,
  traceId: Uint8Array,
  nonAscii: number,
): void {
  const failed = i % FAILED_EVERY === 0
  const start = EPOCH_NANOS + BigInt(i) * 1_000_003n
  out.begin(2)
  out.bytes(1, traceId).bytes(2, randomBytes(random, 8)).bytes(4, randomBytes(random, 8))
  out.string(5, OPERATIONS[i % OPERATIONS.length]).varint(6, 2 + (i % 3))
  out.fixed64(7, start).fixed64(8, start + BigInt(random.below(50_000_000)))
  writeAttributes(out, 9, attributesOf(random, failed, random.chance(nonAscii)))
  out.begin(15)
  if (failed) out.varint(3, STATUS_ERROR)
  out.end().fixed32(16, FLAGS).end()
}

function attributesOf(random: Random, failed: boolean, nonAscii: boolean): Attribute[] {
  const path = nonAscii ? '/api/v1/cart/größe-日本' : `/api/v1/cart/${random.below(100_000)}`
  return [
    ['http.request.method', 'GET'],
    ['url.path', path],
    ['url.scheme', 'https'],
    ['server.address', 'checkout.shop.svc'],
    ['server.port', 8080],
    ['http.response.status_code', failed ? 503 : 200],
    ['network.protocol.version', '1.1'],
    ['user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'],
    ['client.address', `10.1.${random.below(256)}.${random.below(256)}`],
    ['app.user.id', `u-${random.below(100_000)}`],
  ]
}
