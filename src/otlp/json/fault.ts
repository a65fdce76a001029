/** Why a text is not OTLP/JSON. Apart from the reader because receivers answer clients with it. */

export interface JsonFault {
  readonly fault:
    | 'syntax' // not JSON (RFC 8259)
    | 'utf8' // a string holds bytes that are not UTF-8
    | 'depth' // messages or skipped values nested too deeply
    | 'type' // well-formed JSON of another type than the field has
    | 'value' // right type, wrong content: hex, base64, enum name, fraction for an integer
    | 'range' // a number outside its type
    | 'too_large' // the text or what becomes of it passes 2 GiB, the limit of a protobuf message
  /** Byte at which the fault was noticed. */
  readonly offset: number
  /** In English, for the sender: where in the document, and what was expected there. */
  readonly message: string
}

export function isJsonFault(x: Uint8Array | JsonFault): x is JsonFault {
  return 'fault' in x
}
