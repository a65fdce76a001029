/** What every codec offers. Apart so that codecs and the table that chooses between them do not import each other. */

/** Why bytes could not be inflated. Messages are those of the Go collector where it has one. */
export interface CodecFault {
  readonly fault: 'corrupt' | 'too_large' | 'unsupported'
  readonly message: string
}

export type Inflated = Uint8Array | CodecFault

export interface Codec {
  /** The implementation, for status pages: `node:zlib`, `zstd-napi`, ... */
  readonly name: string
  /** Never produces more than `maxBytes`, whatever the input claims. Synchronous for small bodies where it can be. */
  decompress(input: Uint8Array, maxBytes: number): Inflated | Promise<Inflated>
  /**
   * As `decompress`, but synchronous and into `output`; returns the length. Output that fills the buffer counts as too
   * large, so it takes one byte more than is expected. Absent where the codec cannot.
   */
  inflateInto?(input: Uint8Array, output: Uint8Array): number | CodecFault
  /** How large the output claims to be, or is likely to be; for reserving memory, not to be relied on. */
  estimate(input: Uint8Array): number
  /** Absent where the codec only reads. `level` 0 is the codec's default. */
  compress?(input: Uint8Array, level: number): Uint8Array | Promise<Uint8Array>
}

export function isCodecFault(x: object): x is CodecFault {
  return 'fault' in x
}

export function corrupt(message: string): CodecFault {
  return { fault: 'corrupt', message }
}

export function tooLarge(maxBytes: number): CodecFault {
  return { fault: 'too_large', message: `inflates to more than ${maxBytes} bytes` }
}

/** The exact part of an output buffer, without keeping much more memory alive than it needs. */
export function trim(buffer: Uint8Array, length: number): Uint8Array {
  if (length === buffer.length) return buffer
  const part = buffer.subarray(0, length)
  return length >= buffer.length * 0.75 ? part : new Uint8Array(part)
}

/** Loads an optional package; undefined where it is absent or does not run on this machine. */
export async function loadOptional<T>(specifier: string): Promise<T | undefined> {
  try {
    const loaded = (await import(specifier)) as { default?: T } & T
    return loaded.default ?? loaded
  } catch {
    return undefined
  }
}
