/** CommunityID: the flow hash that network tools share (github.com/corelight/community-id-spec, version 1). */
import { createHash } from 'node:crypto'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError } from '../value.ts'
import { parseAddress } from './cidr.ts'

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['ICMP', 1],
  ['TCP', 6],
  ['UDP', 17],
  ['RSVP', 46],
  ['ICMP6', 58],
  ['SCTP', 132],
])
const MAX_UINT16 = 65_535n

interface Endpoint {
  readonly address: Buffer
  readonly port: number
}

export const communityIdFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'CommunityID',
    kind: 'converter',
    params: [
      { name: 'SourceIP', type: 'string' },
      { name: 'SourcePort', type: 'int' },
      { name: 'DestinationIP', type: 'string' },
      { name: 'DestinationPort', type: 'int' },
      { name: 'Protocol', type: 'string', optional: true },
      { name: 'Seed', type: 'int', optional: true },
    ],
    summary: 'The Community ID of a network flow, the same for both directions.',
    example: {
      expr: 'CommunityID("1.2.3.4", 12345, "5.6.7.8", 80, "TCP")',
      result: '"1:0by3b/tE95hcOzccyt6d4kjgbZc="',
    },
    make: args => {
      const [sourceIp, sourcePort, destinationIp, destinationPort] = args as readonly Getter[]
      const [protocol, seed] = args.slice(4) as (Getter | undefined)[]
      return scope => {
        const source = endpoint('source', sourceIp(scope) as string, sourcePort(scope) as bigint)
        const destination = endpoint(
          'destination',
          destinationIp(scope) as string,
          destinationPort(scope) as bigint,
        )
        const protocolNumber = numberOf((protocol?.(scope) ?? 'TCP') as string)
        const seedNumber = uint16('seed', (seed?.(scope) ?? 0n) as bigint)
        return communityId(source, destination, protocolNumber, seedNumber)
      }
    },
  }),
]

function communityId(a: Endpoint, b: Endpoint, protocol: number, seed: number): string {
  const [first, second] = isBefore(b, a) ? [b, a] : [a, b]
  const hash = createHash('sha1')
    .update(word(seed))
    .update(first.address)
    .update(second.address)
    .update(Uint8Array.of(protocol, 0))
    .update(word(first.port))
    .update(word(second.port))
  return `1:${hash.digest('base64')}`
}

/** Shorter addresses first, then by address, then by port. */
function isBefore(a: Endpoint, b: Endpoint): boolean {
  if (a.address.length !== b.address.length) return a.address.length < b.address.length
  const order = Buffer.compare(a.address, b.address)
  return order < 0 || (order === 0 && a.port < b.port)
}

function endpoint(side: string, ip: string, port: bigint): Endpoint {
  const number = uint16(`${side} port`, port)
  const address = parseAddress(ip)
  if (address === null) throw new EvaluationError(`invalid ${side} IP: ${ip}`)
  const hex = address.value.toString(16).padStart(address.bits / 4, '0')
  return { address: Buffer.from(hex, 'hex'), port: number }
}

function numberOf(protocol: string): number {
  const number = PROTOCOLS.get(protocol)
  if (number === undefined) throw new EvaluationError(`unsupported protocol: ${protocol}`)
  return number
}

function uint16(what: string, value: bigint): number {
  if (value >= 0n && value <= MAX_UINT16) return Number(value)
  throw new EvaluationError(`${what} must be between 0 and ${MAX_UINT16}, got ${value}`)
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
