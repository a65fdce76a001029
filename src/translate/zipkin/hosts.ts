/** The two ends of a Zipkin span out of the attributes of a span: its own, and the other side's by the specification's ranking. */
import { isIP } from 'node:net'

export interface Host {
  service: string
  /** Empty = not known. */
  ip: string
  port: number
}

const LOCAL_IPS = ['network.local.address', 'net.host.ip']
const LOCAL_PORTS = ['net.host.port']
const PEER_SERVICES = ['service.peer.name', 'peer.service']
const PEER_IPS = ['network.peer.address', 'net.peer.ip']
const PEER_PORTS = ['net.peer.port', 'network.peer.port']

/** Attributes that name the other side of a client or producer, after PEER_SERVICES; with the one that has the port. */
const RANKING: readonly (readonly [key: string, port: string])[] = [
  ['server.address', ''],
  ['net.peer.name', ''],
  ['network.peer.address', 'network.peer.port'],
  ['server.socket.domain', ''],
  ['server.socket.address', 'server.socket.port'],
  ['net.sock.peer.name', ''],
  ['net.sock.peer.addr', 'net.sock.peer.port'],
  ['peer.hostname', ''],
  ['peer.address', ''],
  ['db.name', ''],
]

/** All keys that are looked for here. */
export const HOST_KEYS: readonly string[] = [
  ...LOCAL_IPS,
  ...LOCAL_PORTS,
  ...PEER_SERVICES,
  ...PEER_IPS,
  ...PEER_PORTS,
  ...RANKING.flat(),
]

/** Takes from the tags what the local endpoint says. */
export function takeLocal(tags: Map<string, string>, service: string, host: Host): void {
  host.service = service
  takeAddress(tags, host, LOCAL_IPS, LOCAL_PORTS)
}

/** Takes or reads from the tags what the remote endpoint says; empty when there is none. */
export function findRemote(tags: Map<string, string>, kind: string, host: Host): void {
  host.service = ''
  for (const key of PEER_SERVICES) {
    const service = tags.get(key)
    if (service === undefined || service === '') continue
    host.service = service
    tags.delete(key)
    break
  }
  takeAddress(tags, host, PEER_IPS, PEER_PORTS)
  if (host.service === '' && (kind === 'CLIENT' || kind === 'PRODUCER')) rank(tags, host)
}

/** These stay tags: they are read back as such. */
function rank(tags: ReadonlyMap<string, string>, host: Host): void {
  for (const [key, port] of RANKING) {
    if (key === 'network.peer.address' && host.ip !== '') return
    const text = tags.get(key)
    if (text === undefined || text === '') continue
    if (isIP(text) === 0) host.service = text
    else if (host.ip === '') host.ip = text
    if (host.port === 0) host.port = portOf(tags.get(port))
    return
  }
}

/** Only what is an address is taken. A port alone is none. */
function takeAddress(
  tags: Map<string, string>,
  host: Host,
  ips: readonly string[],
  ports: readonly string[],
): void {
  host.ip = ''
  host.port = 0
  for (const key of ips) {
    const ip = tags.get(key)
    if (ip === undefined || isIP(ip) === 0 || ip.includes('%')) continue
    host.ip = ip
    tags.delete(key)
    break
  }
  for (const key of ports) {
    host.port = portOf(tags.get(key))
    if (host.port === 0) continue
    tags.delete(key)
    break
  }
}

function portOf(text: string | undefined): number {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return 0
  const port = Number(text)
  return port <= 0xffff ? port : 0
}
