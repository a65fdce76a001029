/** Hash functions of text: MD5, SHA, FNV, Murmur3 and XXH3, each over the UTF-8 of the text. */
import { createHash } from 'node:crypto'
import { defineFunction, type FunctionSpec, type Getter, type Value } from '../function.ts'
import { murmur3, murmur3x128 } from './murmur3.ts'
import { xxh3, xxh128 } from './xxh3.ts'

type HashOf = (input: Buffer) => Value

export const hashFunctions: readonly FunctionSpec[] = [
  hashFunction('MD5', 'The MD5 hash of a text, in hexadecimal.', digest('md5'), {
    expr: 'MD5("hello")',
    result: '"5d41402abc4b2a76b9719d911017c592"',
  }),
  hashFunction('SHA1', 'The SHA-1 hash of a text, in hexadecimal.', digest('sha1'), {
    expr: 'SHA1("hello")',
    result: '"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"',
  }),
  hashFunction('SHA256', 'The SHA-256 hash of a text, in hexadecimal.', digest('sha256'), {
    expr: 'SHA256("hello")',
    result: '"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"',
  }),
  hashFunction('SHA512', 'The SHA-512 hash of a text, in hexadecimal.', digest('sha512'), {
    expr: 'Substring(SHA512("hello"), 0, 16)',
    result: '"9b71d224bd62f378"',
  }),
  hashFunction('FNV', 'The 64-bit FNV-1a hash of a text, as a signed integer.', fnv1a, {
    expr: 'FNV("hello")',
    result: '-6615550055289275125',
  }),
  hashFunction(
    'Murmur3Hash',
    'The 32-bit MurmurHash3 of a text: its bytes, lowest first, in hexadecimal.',
    input => murmur3(input).toString('hex'),
    { expr: 'Murmur3Hash("Hello World")', result: '"ce837619"' },
  ),
  hashFunction(
    'Murmur3Hash128',
    'The 128-bit MurmurHash3 (x64) of a text: its bytes, lowest first, in hexadecimal.',
    input => murmur3x128(input).toString('hex'),
    { expr: 'Murmur3Hash128("Hello World")', result: '"dbc2a0c1ab26631a27b4c09fcf1fe683"' },
  ),
  hashFunction(
    'XXH3',
    'The 64-bit XXH3 hash of a text, in hexadecimal.',
    input => hex64(xxh3(input)),
    { expr: 'XXH3("hello world")', result: '"d447b1ea40e6988b"' },
  ),
  hashFunction(
    'XXH128',
    'The 128-bit XXH3 hash of a text, in hexadecimal.',
    input => {
      const { high, low } = xxh128(input)
      return hex64(high) + hex64(low)
    },
    { expr: 'XXH128("hello world")', result: '"df8d09e93f874900a99b8775cc15b6c7"' },
  ),
]

function hashFunction(
  name: string,
  summary: string,
  hash: HashOf,
  example: FunctionSpec['example'],
): FunctionSpec {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Target', type: 'string' }],
    summary,
    example,
    make: ([text]: readonly Getter[]) => {
      return scope => hash(Buffer.from(text(scope) as string))
    },
  })
}

function digest(algorithm: string): HashOf {
  return input => createHash(algorithm).update(input).digest('hex')
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, '0')
}

/**
 * Four 16-bit limbs: the prime is 2^40 + 0x1b3, so a multiplication is one by 0x1b3 and a shift; big integers would
 * allocate for every byte.
 */
function fnv1a(input: Buffer): bigint {
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2]
  for (let i = 0; i < input.length; i++) {
    a ^= input[i]
    const [b0, a0] = [b, a]
    a = a0 * 0x1b3
    b = b0 * 0x1b3 + (a >>> 16)
    c = c * 0x1b3 + (b >>> 16) + ((a0 << 8) & 0xffff)
    d = (d * 0x1b3 + (c >>> 16) + ((b0 << 8) & 0xffff) + (a0 >>> 8)) & 0xffff
    a &= 0xffff
    b &= 0xffff
    c &= 0xffff
  }
  const high = (BigInt(d) << 16n) | BigInt(c)
  return BigInt.asIntN(64, (high << 32n) | (BigInt(b) << 16n) | BigInt(a))
}
