/** Base64Encode, Base64Decode and Decode. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter, type Value } from '../function.ts'
import { EvaluationError, typeName } from '../value.ts'
import { base64Variant, decodeBase64, encodeBase64 } from './base64.ts'
import { type CharsetDecoder, charsetDecoder, decodeUtf8 } from './charsets.ts'

export const encodeFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'Base64Encode',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'string' },
      { name: 'Variant', type: 'string', optional: true },
    ],
    summary:
      'The base64 of a text; the variant is base64 (default), base64-raw, base64-url or base64-raw-url.',
    example: { expr: 'Base64Encode("hello world")', result: '"aGVsbG8gd29ybGQ="' },
    make: ([text, variant]: readonly Getter[]) => {
      return scope => {
        const name = (variant?.(scope) ?? 'base64') as string
        const found = base64Variant(name)
        if (found === undefined) throw new EvaluationError(`unsupported base64 variant: ${name}`)
        return encodeBase64(Buffer.from(text(scope) as string), found)
      }
    },
  }),
  defineFunction({
    name: 'Base64Decode',
    kind: 'converter',
    params: [{ name: 'Target', type: 'string' }],
    summary: 'The text that a base64 text stands for; Decode has more variants.',
    example: { expr: 'Base64Decode("aGVsbG8gd29ybGQ=")', result: '"hello world"' },
    make: ([text]: readonly Getter[]) => {
      const decode = decoderOf('base64')
      return scope => decode(Buffer.from(text(scope) as string))
    },
  }),
  defineFunction({
    name: 'Decode',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'any' },
      { name: 'Encoding', type: 'string' },
    ],
    summary:
      'The text that bytes, or the UTF-8 of a text, stand for in an encoding: a base64 variant or an IANA charset name.',
    example: { expr: 'Decode(0x636166e9, "iso-8859-1")', result: '"café"' },
    make: ([target, encoding]: readonly Getter[]) => {
      let name: Value = constantOf(encoding)?.value ?? null
      let decode: CharsetDecoder = decoderOf((name ?? '') as string)
      return scope => {
        const input = bytesOf(target(scope))
        const wanted = encoding(scope) as string
        if (wanted !== name) {
          decode = decoderOf(wanted)
          name = wanted
        }
        return decode(input)
      }
    },
  }),
]

function bytesOf(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  const type = value === null ? '<nil>' : typeName(value)
  throw new EvaluationError(`unsupported type provided to Decode function: ${type}`)
}

function decoderOf(name: string): CharsetDecoder {
  const variant = base64Variant(name)
  if (variant !== undefined)
    return input => decodeUtf8(decodeBase64(input.toString('latin1'), variant))
  const decoder = charsetDecoder(name)
  if (decoder === undefined) {
    throw new EvaluationError(`no decoder available for encoding: ${name}`)
  }
  return decoder
}
