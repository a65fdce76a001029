/** Converters about addresses, card numbers and logarithms: checks of one value against a fixed rule. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError } from '../value.ts'
import { type Network, networkContains, parseAddress, parseNetwork } from './cidr.ts'

const inCidr = defineFunction({
  name: 'IsInCIDR',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'string' },
    { name: 'Networks', type: 'string', list: true },
  ],
  summary: 'Whether an IP address lies in one of the networks; false for what is no address.',
  example: { expr: 'IsInCIDR("192.0.2.7", ["10.0.0.0/8", "192.0.2.0/24"])', result: 'true' },
  make([target, networks]: readonly [Getter, readonly Getter[]]) {
    // Literals are read, and refused, at load: those before the first that is computed, as in the reference.
    const known: Network[] = []
    for (const network of networks) {
      const constant = constantOf(network)
      if (constant === undefined) break
      known.push(parseNetwork(constant.value as string))
    }
    return scope => {
      const address = parseAddress(target(scope) as string)
      if (address === null) return false
      for (const [i, network] of networks.entries()) {
        const parsed = known[i] ?? networkOf(network(scope))
        if (networkContains(parsed, address)) return true
      }
      return false
    }
  },
})

function networkOf(text: unknown): Network {
  try {
    return parseNetwork(text as string)
  } catch (error) {
    throw new EvaluationError((error as Error).message)
  }
}

const validLuhn = defineFunction({
  name: 'IsValidLuhn',
  kind: 'converter',
  params: [{ name: 'Target', type: 'stringLike' }],
  summary:
    'Whether the digits, spaces left out, end in their Luhn check digit (as card numbers do).',
  example: { expr: 'IsValidLuhn("4111 1111 1111 1111")', result: 'true' },
  make([target]: readonly Getter[]) {
    return scope => {
      const text = target(scope)
      if (text === null) throw new EvaluationError('invalid input: <nil>')
      return isLuhn((text as string).replaceAll(' ', ''))
    }
  },
})

function isLuhn(digits: string): boolean {
  if (digits === '') return false
  let sum = 0
  for (let i = digits.length - 1, isDoubled = false; i >= 0; i--, isDoubled = !isDoubled) {
    const digit = digits.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) {
      throw new EvaluationError(`parsing ${JSON.stringify(digits[i])}: invalid syntax`)
    }
    sum += isDoubled ? DOUBLED[digit] : digit
  }
  return sum % 10 === 0
}

/** Twice the digit, with 9 taken off what has two digits. */
const DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]

const log = defineFunction({
  name: 'Log',
  kind: 'converter',
  params: [{ name: 'Target', type: 'floatLike' }],
  summary: 'The natural logarithm of a number greater than zero.',
  example: { expr: 'Log(1)', result: '0.0' },
  make([target]: readonly Getter[]) {
    return scope => {
      const value = target(scope) as number | null
      if (value === null) throw new EvaluationError('invalid input: <nil>')
      if (value <= 0) {
        throw new EvaluationError(
          `invalid input: expected number greater than zero but got ${value}`,
        )
      }
      return Math.log(value)
    }
  },
})

export const networkFunctions: readonly FunctionSpec[] = [inCidr, validLuhn, log]
