/** Splits "host:port" as Go's net.SplitHostPort does, which decides what an endpoint in a configuration may look like. */

export interface HostPort {
  /** Without the brackets of an IPv6 address; empty means every interface or the local machine. */
  readonly host: string
  readonly port: number
}

/** The parts, or a sentence that says what is wrong. */
export function splitHostPort(text: string): HostPort | string {
  const cut = text.lastIndexOf(':')
  if (cut < 0) return 'the port is missing'
  let host = text.slice(0, cut)
  if (host.startsWith('[')) {
    if (!host.endsWith(']')) {
      return text.endsWith(']') ? 'the port is missing' : "an IPv6 address needs a closing ']'"
    }
    host = host.slice(1, -1)
    if (/[[\]]/.test(host)) return "there are too many '[' or ']'"
  } else if (host.includes(':')) {
    return 'there are too many colons; write IPv6 addresses in brackets, as in [::1]:4317'
  } else if (/[[\]]/.test(host)) {
    return "there is a stray '[' or ']'"
  }
  if (/\s|\//.test(host)) return 'the host may not contain spaces or slashes'
  const digits = text.slice(cut + 1)
  if (digits === '') return 'the port is missing'
  const port = Number(digits)
  if (!/^\d{1,5}$/.test(digits) || port > 65_535) return 'the port is not a number up to 65535'
  return { host, port }
}
