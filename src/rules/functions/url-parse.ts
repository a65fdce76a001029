/** Takes a URL apart and puts it together again as Go's net/url does; neither is what a browser does. */
import { isIPv6 } from 'node:net'
import { escapeUrl, isValidlyEscaped, type UrlPart, unescapeUrl } from './url-escape.ts'

/** Each text holds bytes (see url-escape.ts). Decoded unless it says otherwise. */
export interface ParsedUrl {
  scheme: string
  opaque: string
  user: { readonly name: string; readonly password: string | null } | null
  /** With its port. */
  host: string
  path: string
  /** As it was written; '' where writing it anew gives the same. */
  rawPath: string
  isHostOmitted: boolean
  /** As it was written. */
  query: string
  /** A question mark without a query. */
  hasEmptyQuery: boolean
  fragment: string
  rawFragment: string
}

/** Throws Error. */
export function parseUrl(bytes: string): ParsedUrl {
  const [rest, fragment] = cut(bytes, '#')
  const url = parseWithoutFragment(rest)
  if (fragment !== '') {
    url.fragment = unescapeUrl(fragment, 'fragment')
    url.rawFragment = rawForm(fragment, url.fragment, 'fragment')
  }
  return url
}

function rawForm(written: string, decoded: string, part: UrlPart): string {
  return escapeUrl(decoded, part) === written ? '' : written
}

/** Without the separator; the second is empty when there is none. */
function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}

function emptyUrl(): ParsedUrl {
  return {
    scheme: '',
    opaque: '',
    user: null,
    host: '',
    path: '',
    rawPath: '',
    isHostOmitted: false,
    query: '',
    hasEmptyQuery: false,
    fragment: '',
    rawFragment: '',
  }
}

function parseWithoutFragment(bytes: string): ParsedUrl {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\x00-\x1f\x7f]/.test(bytes)) throw new Error('invalid control character in URL')
  const url = emptyUrl()
  if (bytes === '*') {
    url.path = '*'
    return url
  }
  let rest = readScheme(bytes, url)
  if (rest.indexOf('?') === rest.length - 1 && rest.endsWith('?')) {
    url.hasEmptyQuery = true
    rest = rest.slice(0, -1)
  } else [rest, url.query] = cut(rest, '?')
  if (!rest.startsWith('/')) {
    if (url.scheme !== '') {
      url.opaque = rest
      return url
    }
    if (cut(rest, '/')[0].includes(':')) {
      throw new Error('first path segment in URL cannot contain colon')
    }
  }
  readPath(readAuthority(rest, url), url)
  return url
}

function readScheme(bytes: string, url: ParsedUrl): string {
  if (bytes.startsWith(':')) throw new Error('missing protocol scheme')
  const found = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(bytes)
  if (found === null) return bytes
  url.scheme = found[1].toLowerCase()
  return bytes.slice(found[0].length)
}

/** Returns the path. */
function readAuthority(rest: string, url: ParsedUrl): string {
  if (!rest.startsWith('//') || (url.scheme === '' && rest.startsWith('///'))) {
    url.isHostOmitted = url.scheme !== '' && rest.startsWith('/')
    return rest
  }
  const end = rest.indexOf('/', 2)
  const authority = end < 0 ? rest.slice(2) : rest.slice(2, end)
  const at = authority.lastIndexOf('@')
  url.host = readHost(url.scheme, authority.slice(at + 1))
  if (at >= 0) url.user = readUser(authority.slice(0, at))
  return end < 0 ? '' : rest.slice(end)
}

function readUser(text: string): NonNullable<ParsedUrl['user']> {
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text)) throw new Error('invalid userinfo')
  if (!text.includes(':')) return { name: unescapeUrl(text, 'userPassword'), password: null }
  const [name, password] = cut(text, ':').map(part => unescapeUrl(part, 'userPassword'))
  return { name, password }
}

function readHost(scheme: string, host: string): string {
  const bracket = host.lastIndexOf('[')
  if (bracket > 0) throw new Error('invalid IP-literal')
  if (bracket === 0) return readIpLiteral(host)
  const isWeb = scheme === 'http' || scheme === 'https'
  const colon = isWeb ? host.indexOf(':') : host.lastIndexOf(':')
  if (colon >= 0) checkPort(host.slice(colon))
  return unescapeUrl(host, 'host')
}

function checkPort(text: string): void {
  if (!/^(?::\d*)?$/.test(text)) throw new Error(`invalid port ${JSON.stringify(text)} after host`)
}

function readIpLiteral(host: string): string {
  const end = host.lastIndexOf(']')
  if (end < 0) throw new Error("missing ']' in host")
  const port = host.slice(end + 1)
  checkPort(port)
  const name = host.slice(1, end)
  const zoneAt = name.indexOf('%25')
  const address = unescapeUrl(zoneAt < 0 ? name : name.slice(0, zoneAt), 'host')
  const zone = zoneAt < 0 ? '' : unescapeUrl(name.slice(zoneAt), 'zone')
  const [bare, inner] = cut(address + zone, '%')
  if (!isIPv6(bare) || ((address + zone).includes('%') && inner === '')) {
    throw new Error('invalid host: not an IPv6 address')
  }
  return `[${address}${zone}]${port}`
}

function readPath(written: string, url: ParsedUrl): void {
  url.path = unescapeUrl(written, 'path')
  url.rawPath = rawForm(written, url.path, 'path')
}

/** The parts of `host:port`; a port only where it is digits. */
export function splitHost(host: string): { readonly name: string; readonly port: string } {
  const found = /^(.*):(\d*)$/s.exec(host)
  const [name, port] = found === null ? [host, ''] : [found[1], found[2]]
  return { name: /^\[.*\]$/s.test(name) ? name.slice(1, -1) : name, port }
}

export function writeUser({ name, password }: NonNullable<ParsedUrl['user']>): string {
  const escaped = escapeUrl(name, 'userPassword')
  return password === null ? escaped : `${escaped}:${escapeUrl(password, 'userPassword')}`
}

export function writeUrl(url: ParsedUrl): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`
  if (url.opaque !== '') out += url.opaque
  else {
    out += writeAuthority(url)
    const path = writePath(url)
    if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/'
    if (out === '' && cut(path, '/')[0].includes(':')) out += './'
    out += path
  }
  if (url.hasEmptyQuery || url.query !== '') out += `?${url.query}`
  if (url.fragment !== '') out += `#${writeFragment(url)}`
  return out
}

function writeAuthority({ host, user, path, isHostOmitted, scheme }: ParsedUrl): string {
  if (scheme === '' && host === '' && user === null) return ''
  if (isHostOmitted && host === '' && user === null) return ''
  if (host === '' && path === '' && user === null) return ''
  return `//${user === null ? '' : `${writeUser(user)}@`}${escapeUrl(host, 'host')}`
}

function writePath({ path, rawPath }: ParsedUrl): string {
  if (rawPath !== '' && isValidlyEscaped(rawPath, 'path')) return rawPath
  return path === '*' ? '*' : escapeUrl(path, 'path')
}

function writeFragment({ fragment, rawFragment }: ParsedUrl): string {
  if (rawFragment !== '' && isValidlyEscaped(rawFragment, 'fragment')) return rawFragment
  return escapeUrl(fragment, 'fragment')
}
