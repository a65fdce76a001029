/** Go's fmt.Sprintf over our values: reading of verbs, flags, widths and argument numbers. Printing is go-print.ts. */

import type { Value } from '../value.ts'
import type { Flags } from './go-pad.ts'
import { GoPrinter, goTypeName } from './go-print.ts'

/** Larger widths, precisions and argument numbers are faults, as in Go. */
const MAX_NUMBER = 1_000_000

export function sprintf(format: string, args: readonly Value[]): string {
  return new Formatter(format, args).run()
}

class Formatter {
  readonly #format: string
  readonly #args: readonly Value[]
  readonly #printer = new GoPrinter()
  #at = 0
  #argument = 0
  #isReordered = false
  #isGoodArgument = true

  constructor(format: string, args: readonly Value[]) {
    this.#format = format
    this.#args = args
  }

  run(): string {
    const printer = this.#printer
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at)
      const end = percent < 0 ? this.#format.length : percent
      printer.write(this.#format.slice(this.#at, end))
      this.#at = end + 1
      if (percent >= 0) this.#directive()
    }
    if (!this.#isReordered && this.#argument < this.#args.length) this.#extra()
    return printer.out
  }

  #directive(): void {
    const printer = this.#printer
    printer.flags = this.#flags()
    this.#isGoodArgument = true
    let isAfterIndex = this.#index()
    isAfterIndex = this.#width(isAfterIndex)
    isAfterIndex = this.#precision(isAfterIndex)
    if (!isAfterIndex) this.#index()
    if (this.#at >= this.#format.length) {
      printer.write('%!(NOVERB)')
      return
    }
    const verb = String.fromCodePoint(this.#format.codePointAt(this.#at) as number)
    this.#at += verb.length
    if (verb === '%') printer.write('%')
    else if (!this.#isGoodArgument) printer.write(`%!${verb}(BADINDEX)`)
    else if (this.#argument >= this.#args.length) printer.write(`%!${verb}(MISSING)`)
    else {
      if (verb === 'v' || verb === 'w') moveValueFlags(printer.flags)
      printer.print(this.#args[this.#argument++], verb)
    }
  }

  #flags(): Flags {
    const flags = clearFlags()
    for (; this.#at < this.#format.length; this.#at++) {
      switch (this.#format[this.#at]) {
        case '#':
          flags.sharp = true
          break
        case '0':
          flags.zero = true
          break
        case '+':
          flags.plus = true
          break
        case '-':
          flags.minus = true
          break
        case ' ':
          flags.space = true
          break
        default:
          return flags
      }
    }
    return flags
  }

  /** `[n]`: the next argument is the n-th. */
  #index(): boolean {
    if (this.#format[this.#at] !== '[') return false
    this.#isReordered = true
    const close = this.#format.indexOf(']', this.#at)
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#isGoodArgument = false
      this.#at++
      return false
    }
    const digits = this.#format.slice(this.#at + 1, close)
    const number = /^[0-9]+$/.test(digits) ? toNumber(digits) : undefined
    this.#at = close + 1
    const isKnown = number !== undefined && number >= 1 && number <= this.#args.length
    if (isKnown) this.#argument = number - 1
    else this.#isGoodArgument = false
    return number !== undefined
  }

  #width(isAfterIndex: boolean): boolean {
    const { flags } = this.#printer
    if (this.#format[this.#at] !== '*') {
      const width = this.#number()
      if (isAfterIndex && width !== undefined) this.#isGoodArgument = false
      flags.width = width
      return isAfterIndex
    }
    this.#at++
    const width = this.#numberFromArgument()
    if (width === undefined) this.#printer.write('%!(BADWIDTH)')
    flags.width = width === undefined ? undefined : Math.abs(width)
    if (width !== undefined && width < 0) {
      flags.minus = true
      flags.zero = false
    }
    return false
  }

  #precision(isAfterIndex: boolean): boolean {
    const { flags } = this.#printer
    if (this.#format[this.#at] !== '.' || this.#at + 1 >= this.#format.length) return isAfterIndex
    this.#at++
    if (isAfterIndex) this.#isGoodArgument = false
    const isIndexed = this.#index()
    if (this.#format[this.#at] !== '*') {
      flags.precision = this.#number() ?? 0
      return isIndexed
    }
    this.#at++
    const precision = this.#numberFromArgument()
    flags.precision = precision === undefined || precision < 0 ? undefined : precision
    if (flags.precision === undefined) this.#printer.write('%!(BADPREC)')
    return false
  }

  /** Digits here; a number too large ends the format. */
  #number(): number | undefined {
    const start = this.#at
    while (isDigit(this.#format.charCodeAt(this.#at))) this.#at++
    if (start === this.#at) return undefined
    const number = toNumber(this.#format.slice(start, this.#at))
    if (number === undefined) this.#at = this.#format.length
    return number
  }

  #numberFromArgument(): number | undefined {
    if (this.#argument >= this.#args.length) return undefined
    const value = this.#args[this.#argument++]
    const isSmall = typeof value === 'bigint' && value <= MAX_NUMBER && value >= -MAX_NUMBER
    return isSmall ? Number(value) : undefined
  }

  #extra(): void {
    const printer = this.#printer
    printer.flags = clearFlags()
    printer.write('%!(EXTRA ')
    for (let i = this.#argument; i < this.#args.length; i++) {
      if (i > this.#argument) printer.write(', ')
      const value = this.#args[i]
      if (value !== null) printer.write(`${goTypeName(value)}=`)
      printer.print(value, 'v')
    }
    printer.write(')')
  }
}

function clearFlags(): Flags {
  return { sharp: false, zero: false, plus: false, minus: false, space: false, sharpV: false }
}

/** For %v these two ask for Go syntax, and field names, instead. */
function moveValueFlags(flags: Flags): void {
  flags.sharpV = flags.sharp
  flags.sharp = false
  flags.plus = false
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** As Go stops reading digits: undefined when what was read before the last digit is too large already. */
function toNumber(digits: string): number | undefined {
  let number = 0
  for (const digit of digits) {
    if (number > MAX_NUMBER) return undefined
    number = number * 10 + Number(digit)
  }
  return number
}
