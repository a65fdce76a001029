/** IP addresses and networks as Go's net package reads them: no zones, no leading zeros, IPv4 in IPv6 is IPv4. */
import { isIPv4, isIPv6 } from 'node:net'

/** As a number; IPv4-mapped IPv6 addresses are IPv4. */
export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

export interface Network extends Address {
  readonly prefix: number
}

/** The sixteen bits before an IPv4 address in an IPv6 one, and the zeros before them. */
const MAPPED = 0xffffn

/** Null when the text is no address. */
export function parseAddress(text: string): Address | null {
  const address = readAddress(text)
  return address === null ? null : unmapped(address)
}

/** Throws Error when the text is no network in CIDR notation. */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf('/')
  const address = slash < 0 ? null : readAddress(text.slice(0, slash))
  const digits = text.slice(slash + 1)
  const prefix = /^[0-9]{1,7}$/.test(digits) ? Number(digits) : Number.POSITIVE_INFINITY
  if (address === null || prefix > address.bits) throw new Error(`invalid CIDR address: ${text}`)
  const masked: Address = {
    bits: address.bits,
    value: top(address, prefix) << rest(address, prefix),
  }
  const network = unmapped(masked)
  return { ...network, prefix: network.bits === address.bits ? prefix : prefix - 96 }
}

export function networkContains(network: Network, address: Address): boolean {
  return (
    network.bits === address.bits && top(network, network.prefix) === top(address, network.prefix)
  )
}

function top(address: Address, prefix: number): bigint {
  return address.value >> rest(address, prefix)
}

function rest(address: Address, prefix: number): bigint {
  return BigInt(address.bits - prefix)
}

function unmapped(address: Address): Address {
  if (address.bits === 32 || address.value >> 32n !== MAPPED) return address
  return { bits: 32, value: address.value & 0xffff_ffffn }
}

function readAddress(text: string): Address | null {
  if (isIPv4(text)) return { bits: 32, value: readIpv4(text) }
  if (!isIPv6(text) || text.includes('%')) return null
  return { bits: 128, value: readIpv6(text) }
}

function readIpv4(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

function readIpv6(text: string): bigint {
  const dot = text.indexOf('.')
  if (dot > 0) {
    const start = text.lastIndexOf(':') + 1
    const v4 = readIpv4(text.slice(start)).toString(16).padStart(8, '0')
    return readIpv6(`${text.slice(0, start)}${v4.slice(0, 4)}:${v4.slice(4)}`)
  }
  const [head, tail] = text.split('::')
  const left = groups(head)
  const right = groups(tail ?? '')
  const zeros = new Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].reduce(
    (value, part) => (value << 16n) | BigInt(`0x${part}`),
    0n,
  )
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
