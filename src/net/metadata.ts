/** Request headers as metadata of a request's context: lower-case names, every value kept apart. */

/** Metadata that one request may carry into the pipeline; the rest is left out. */
const MAX_ENTRIES = 64

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * `raw` is the flat list of names and values as Node has it. Values of gRPC's `-bin` headers are decoded (each byte
 * one character); those that are not base64 are left out.
 */
export function readMetadata(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const metadata = new Map<string, string[]>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase()
    if (name.startsWith(':') && name !== ':authority') continue
    const values = name.endsWith('-bin') ? readBinary(raw[i + 1]) : [raw[i + 1]]
    const known = metadata.get(name)
    if (known !== undefined) known.push(...values)
    else if (metadata.size < MAX_ENTRIES && values.length > 0) metadata.set(name, values)
  }
  return metadata
}

function readBinary(value: string): string[] {
  return value
    .split(',')
    .map(part => part.trim())
    .filter(part => BASE64.test(part))
    .map(part => Buffer.from(part, 'base64').toString('latin1'))
}
