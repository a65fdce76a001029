/** Why foreign bytes are not taken. Apart from the readers because receivers answer senders with it, and dead letters keep it. */

export interface TranslateFault {
  readonly fault:
    | 'syntax' // not the format at all: broken JSON, a Thrift or protobuf field that runs past its end
    | 'utf8' // a string holds bytes that are not UTF-8
    | 'depth' // nested too deeply
    | 'type' // well-formed, but of another type than the field has
    | 'value' // right type, wrong content: an id that is zero or not hexadecimal, an annotation without a time
    | 'range' // a number outside its type, a time that OTLP cannot hold
    | 'too_large' // more items, or more bytes, than one request may have
  /** Byte at which the fault was noticed. */
  readonly offset: number
  /** In English, for the sender: where, and what was expected there. */
  readonly message: string
}

export function isTranslateFault(x: Uint8Array | TranslateFault): x is TranslateFault {
  return 'fault' in x
}
