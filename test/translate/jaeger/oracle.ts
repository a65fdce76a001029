/** The judge of Jaeger's protobuf: protobufjs with messages written down here, which shares no code with the product. */
import protobuf from 'protobufjs'

const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message KeyValue {
    string key = 1; int32 v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5;
    double v_float64 = 6; bytes v_binary = 7;
  }
  message Time { int64 seconds = 1; int32 nanos = 2; }
  message Log { Time timestamp = 1; repeated KeyValue fields = 2; }
  message SpanRef { bytes trace_id = 1; bytes span_id = 2; int32 ref_type = 3; }
  message Process { string service_name = 1; repeated KeyValue tags = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated SpanRef references = 4;
    uint32 flags = 5; Time start_time = 6; Time duration = 7; repeated KeyValue tags = 8;
    repeated Log logs = 9; Process process = 10; string process_id = 11; repeated string warnings = 12;
  }
  message Batch { repeated Span spans = 1; Process process = 2; }
  message PostSpansRequest { Batch batch = 1; }
`,
  { keepCase: true },
)

export function encodeJaeger(messageName: string, model: object): Uint8Array {
  const type = root.lookupType(messageName)
  return type.encode(type.fromObject(model)).finish()
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the message has
export function decodeJaeger(messageName: string, bytes: Uint8Array): any {
  const type = root.lookupType(messageName)
  return type.toObject(type.decode(Buffer.from(bytes)), { longs: String, bytes: Buffer })
}
