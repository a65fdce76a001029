/** Names of backends: as the resolver says them, which is what stands on the ring, and as they are dialled. */
import { isIPv6 } from 'node:net'

const DEFAULT_PORT = '4317'

/** More than any tier has; each costs connections, a queue and series of metrics. */
export const MAX_BACKENDS = 1000

/** With a port in any case. */
export function addressOf(endpoint: string): string {
  if (isIPv6(endpoint)) return `[${endpoint}]:${DEFAULT_PORT}`
  if (!endpoint.includes(':') || endpoint.endsWith(']')) return `${endpoint}:${DEFAULT_PORT}`
  return endpoint
}
