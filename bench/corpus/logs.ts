/** Requests of log records as a web service writes them: a line of text, severity, five attributes and the span they belong to. */
import { Random } from '../../src/cli/generate/random.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import {
  type CorpusOptions,
  EPOCH_NANOS,
  randomBytes,
  writeAttributes,
  writeEnvelope,
} from './envelope.ts'

const SEVERITIES = [
  [9, 'INFO'],
  [9, 'INFO'],
  [9, 'INFO'],
  [13, 'WARN'],
  [17, 'ERROR'],
] as const

/** One resource, one scope, `items` (512) log records. */
export function logsRequest({
  seed = 1,
  items = 512,
  nonAscii = 0,
}: CorpusOptions = {}): Uint8Array {
  const random = new Random(seed)
  const out = new Writer(items * 400 + 1024)
  writeEnvelope(out, random, 'shop.http.access', () => {
    for (let i = 0; i < items; i++) writeRecord(out, random, i, random.chance(nonAscii))
  })
  return out.finish()
}

function writeRecord(out: Writer, random: Random, i: number, nonAscii: boolean): void {
  const time = EPOCH_NANOS + BigInt(i) * 500_009n
  const [number, text] = random.pick(SEVERITIES)
  const user = nonAscii ? 'Łukasz Żółć' : `u-${random.below(100_000)}`
  const ms = random.below(900)
  out.begin(2).fixed64(1, time).varint(2, number).string(3, text)
  out
    .begin(5)
    .string(1, `GET /api/v1/cart/${random.below(100_000)} by ${user} in ${ms} ms`)
    .end()
  writeAttributes(out, 6, [
    ['log.file.name', 'access.log'],
    ['code.function.name', 'CartController.show'],
    ['thread.id', random.below(64)],
    ['http.response.status_code', number === 17 ? 500 : 200],
    ['app.latency_ms', ms + 0.5],
  ])
  out.fixed32(8, 1).bytes(9, randomBytes(random, 16)).bytes(10, randomBytes(random, 8))
  out.fixed64(11, time + 1_000n).end()
}
