/** Jaeger's messages as tables: what its JSON needs to know about fields. https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto */

export type Kind =
  | 'string'
  | 'bytes'
  | 'traceId'
  | 'spanId'
  | 'bool'
  | 'uint32'
  | 'int64'
  | 'double'
  | 'valueType'
  | 'refType'
  | 'timestamp'
  | 'duration'
  | Message

export interface Field {
  readonly number: number
  /** As in the .proto file; JSON has it so, or in camel case. */
  readonly name: string
  readonly json: string
  readonly kind: Kind
  readonly isRepeated: boolean
}

export interface Message {
  readonly fields: readonly Field[]
  /** By either name. */
  readonly byName: ReadonlyMap<string, Field>
}

export const VALUE_TYPES: readonly string[] = ['STRING', 'BOOL', 'INT64', 'FLOAT64', 'BINARY']
export const REF_TYPES: readonly string[] = ['CHILD_OF', 'FOLLOWS_FROM']

const KEY_VALUE = message({
  key: [1, 'string'],
  v_type: [2, 'valueType'],
  v_str: [3, 'string'],
  v_bool: [4, 'bool'],
  v_int64: [5, 'int64'],
  v_float64: [6, 'double'],
  v_binary: [7, 'bytes'],
})

const LOG = message({ timestamp: [1, 'timestamp'], fields: [2, KEY_VALUE, true] })

const SPAN_REF = message({
  trace_id: [1, 'traceId'],
  span_id: [2, 'spanId'],
  ref_type: [3, 'refType'],
})

const PROCESS = message({ service_name: [1, 'string'], tags: [2, KEY_VALUE, true] })

export const SPAN = message({
  trace_id: [1, 'traceId'],
  span_id: [2, 'spanId'],
  operation_name: [3, 'string'],
  references: [4, SPAN_REF, true],
  flags: [5, 'uint32'],
  start_time: [6, 'timestamp'],
  duration: [7, 'duration'],
  tags: [8, KEY_VALUE, true],
  logs: [9, LOG, true],
  process: [10, PROCESS],
  process_id: [11, 'string'],
  warnings: [12, 'string', true],
})

export const BATCH = message({ spans: [1, SPAN, true], process: [2, PROCESS] })

function message(
  fields: Readonly<Record<string, readonly [number: number, kind: Kind, isRepeated?: true]>>,
): Message {
  const list = Object.entries(fields).map(([name, [number, kind, isRepeated]]): Field => {
    const json = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    return { number, name, json, kind, isRepeated: isRepeated === true }
  })
  const byName = new Map(list.flatMap(field => [field.name, field.json].map(key => [key, field])))
  return { fields: list, byName }
}
