/** Who may send from where: lists as they are written, and the question to both of them. */
import { isIPv4, isIPv6 } from 'node:net'
import { type Wrong, wrong } from '../../config/fields.ts'
import { AddressList } from '../../net/address-list.ts'
import type { AddressLists } from './limits.ts'

export interface WrittenAddresses {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

export function readNetwork(text: string): string | Wrong {
  const [address, prefix, ...rest] = text.split('/')
  const family = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= family)
  return family > 0 && rest.length === 0 && isPrefix
    ? text
    : wrong('is not an address or network', '10.0.0.0/8, 192.0.2.7 or fd00::/8')
}

export function buildAddressLists(written: WrittenAddresses | undefined): AddressLists | null {
  if (written === undefined) return null
  const allow = buildList(written.allow)
  const deny = buildList(written.deny)
  return allow === null && deny === null ? null : { allow, deny }
}

/** `address` as of `core/identity.ts`: v4-mapped ones as v4; empty, a unix socket, is on this machine. */
export function admitsAddress(lists: AddressLists, address: string): boolean {
  if (address === '') return true
  if (lists.deny?.has(address) === true) return false
  return lists.allow === null || lists.allow.has(address)
}

function buildList(networks: readonly string[] = []): AddressList | null {
  return networks.length === 0 ? null : new AddressList(networks)
}
