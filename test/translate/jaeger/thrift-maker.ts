/** Makes Jaeger Thrift for tests, in both protocols, from a plain model: written on its own, sharing no code with the reader. */

export type Int = number | bigint

export interface TagModel {
  readonly key: string
  readonly vType: string
  readonly vStr?: string
  readonly vDouble?: number
  readonly vBool?: boolean
  readonly vLong?: Int
  /** Bytes, or base64. */
  readonly vBinary?: string | readonly number[] | Uint8Array
}

export interface SpanModel {
  readonly traceIdLow?: Int
  readonly traceIdHigh?: Int
  readonly spanId?: Int
  readonly parentSpanId?: Int
  readonly operationName?: string
  readonly references?: readonly {
    readonly refType: string
    readonly traceIdLow?: Int
    readonly traceIdHigh?: Int
    readonly spanId?: Int
  }[]
  readonly flags?: number
  readonly startTime?: Int
  readonly duration?: Int
  readonly tags?: readonly TagModel[]
  readonly logs?: readonly { readonly timestamp?: Int; readonly fields?: readonly TagModel[] }[]
}

export interface BatchModel {
  readonly process: { readonly serviceName: string; readonly tags?: readonly TagModel[] }
  readonly spans: readonly SpanModel[]
}

export type Protocol = 'binary' | 'compact'

type Type = 'bool' | 'double' | 'i32' | 'i64' | 'string' | 'struct' | 'list'
type Struct = readonly (readonly [id: number, type: Type, value: unknown])[]

const TAG_TYPES = ['STRING', 'DOUBLE', 'BOOL', 'LONG', 'BINARY']
const BINARY_TYPES: Readonly<Record<Type, number>> = {
  bool: 2,
  double: 4,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  list: 15,
}
const COMPACT_TYPES: Readonly<Record<Type, number>> = {
  bool: 1,
  i32: 5,
  i64: 6,
  double: 7,
  string: 8,
  list: 9,
  struct: 12,
}

export function makeBatch(batch: BatchModel, protocol: Protocol): Buffer {
  return struct(batchStruct(batch), protocol)
}

/** An `emitBatch` message as a UDP packet has it. */
export function makeMessage(batch: BatchModel, protocol: Protocol, isStrict = true): Buffer {
  const args = struct([[1, 'struct', batchStruct(batch)]], protocol)
  const name = Buffer.from('emitBatch')
  if (protocol === 'compact') {
    return Buffer.concat([Buffer.from([0x82, (4 << 5) | 1, 7, name.length]), name, args])
  }
  const named = Buffer.concat([int32(name.length), name])
  if (isStrict) return Buffer.concat([Buffer.from([0x80, 1, 0, 4]), named, int32(7), args])
  return Buffer.concat([named, Buffer.from([4]), int32(7), args])
}

/** JSON of a batch, with integers that a double cannot hold. */
export function parseBatch(text: string): BatchModel {
  const quoted = text.replace(/: (-?\d{16,})(?=[,\s}])/g, ': "$1n"')
  return JSON.parse(quoted, (_, value) =>
    typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as BatchModel
}

function batchStruct(batch: BatchModel): Struct {
  const process: Struct = [
    [1, 'string', batch.process.serviceName],
    [2, 'list', batch.process.tags?.map(tag)],
  ]
  return [
    [1, 'struct', process],
    [2, 'list', batch.spans.map(span)],
    [3, 'i64', 12],
  ]
}

function span(model: SpanModel): Struct {
  return [
    [1, 'i64', model.traceIdLow ?? 0],
    [2, 'i64', model.traceIdHigh ?? 0],
    [3, 'i64', model.spanId ?? 0],
    [4, 'i64', model.parentSpanId ?? 0],
    [5, 'string', model.operationName ?? ''],
    [
      6,
      'list',
      model.references?.map(ref => [
        [1, 'i32', ['CHILD_OF', 'FOLLOWS_FROM'].indexOf(ref.refType)],
        [2, 'i64', ref.traceIdLow ?? 0],
        [3, 'i64', ref.traceIdHigh ?? 0],
        [4, 'i64', ref.spanId ?? 0],
      ]),
    ],
    [7, 'i32', model.flags ?? 0],
    [8, 'i64', model.startTime ?? 0],
    [9, 'i64', model.duration ?? 0],
    [10, 'list', model.tags?.map(tag)],
    [
      11,
      'list',
      model.logs?.map(log => [
        [1, 'i64', log.timestamp ?? 0],
        [2, 'list', (log.fields ?? []).map(tag)],
      ]),
    ],
  ]
}

function tag(model: TagModel): Struct {
  const type = TAG_TYPES.indexOf(model.vType)
  const binary =
    typeof model.vBinary === 'string' ? Buffer.from(model.vBinary, 'base64') : model.vBinary
  return [
    [1, 'string', model.key],
    [2, 'i32', type < 0 ? Number(model.vType) : type],
    [3, 'string', model.vStr],
    [4, 'double', model.vDouble],
    [5, 'bool', model.vBool],
    [6, 'i64', model.vLong],
    [7, 'string', binary === undefined ? undefined : Buffer.from(binary)],
  ]
}

function struct(fields: Struct, protocol: Protocol): Buffer {
  const parts: Buffer[] = []
  let last = 0
  for (const [id, type, value] of fields) {
    if (value === undefined) continue
    if (protocol === 'binary') parts.push(Buffer.from([BINARY_TYPES[type], id >> 8, id]))
    else {
      const own = type === 'bool' && value === false ? 2 : COMPACT_TYPES[type]
      if (id - last > 0 && id - last < 16) parts.push(Buffer.from([((id - last) << 4) | own]))
      else parts.push(Buffer.from([own]), zigzag(id))
    }
    last = id
    if (protocol === 'binary' || type !== 'bool') parts.push(content(type, value, protocol))
  }
  return Buffer.concat([...parts, Buffer.from([0])])
}

function content(type: Type, value: unknown, protocol: Protocol): Buffer {
  const isBinary = protocol === 'binary'
  switch (type) {
    case 'bool':
      return Buffer.from([value === true ? 1 : 0])
    case 'double': {
      const bytes = Buffer.alloc(8)
      if (isBinary) bytes.writeDoubleBE(value as number)
      else bytes.writeDoubleLE(value as number)
      return bytes
    }
    case 'i32':
      return isBinary ? int32(value as number) : zigzag(value as number)
    case 'i64': {
      if (!isBinary) return zigzag(value as Int)
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(value as Int)))
      return bytes
    }
    case 'string': {
      const bytes = Buffer.from(value as string)
      return Buffer.concat([isBinary ? int32(bytes.length) : varint(BigInt(bytes.length)), bytes])
    }
    case 'struct':
      return struct(value as Struct, protocol)
    default:
      return list(value as readonly Struct[], protocol)
  }
}

function list(items: readonly Struct[], protocol: Protocol): Buffer {
  const head =
    protocol === 'binary'
      ? [Buffer.from([12]), int32(items.length)]
      : items.length < 15
        ? [Buffer.from([(items.length << 4) | 12])]
        : [Buffer.from([0xfc]), varint(BigInt(items.length))]
  return Buffer.concat([...head, ...items.map(item => struct(item, protocol))])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function zigzag(value: Int): Buffer {
  const wide = BigInt.asIntN(64, BigInt(value))
  return varint(BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n)))
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(value)])
}
