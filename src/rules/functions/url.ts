/** URL: the parts of a URL under the names that the semantic conventions give them. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, type Value, type ValueMap } from '../value.ts'
import { fromBytes, toBytes, unescapeUrl } from './url-escape.ts'
import { parseUrl, splitHost, writeUrl, writeUser } from './url-parse.ts'

/** A port that is no int64 is an error, as for the reference. */
const MAX_PORT = 2n ** 63n - 1n
const MAX_PARAMETERS = 10_000

const url = defineFunction({
  name: 'URL',
  kind: 'converter',
  params: [{ name: 'URI', type: 'string' }],
  summary:
    'A map of the parts of a URL: url.scheme, url.domain, url.port, url.path, url.query and so on.',
  example: {
    expr: 'URL("https://example.com:8443/a.txt?x=1#top")',
    result:
      '{"url.original": "https://example.com:8443/a.txt?x=1#top", "url.domain": "example.com", "url.scheme": "https", "url.path": "/a.txt", "url.port": 8443, "url.fragment": "top", "url.query": "x=1", "url.extension": "txt"}',
  },
  make([target]: readonly Getter[]) {
    return scope => {
      const text = target(scope) as string
      if (text === '') throw new EvaluationError('url cannot be empty')
      try {
        return text.startsWith('?') ? queryMap(toBytes(text.slice(1))) : urlMap(toBytes(text))
      } catch (error) {
        throw new EvaluationError(
          `parse ${JSON.stringify(text.slice(0, 100))}: ${(error as Error).message}`,
        )
      }
    }
  },
})

function urlMap(bytes: string): ValueMap {
  const parsed = parseUrl(bytes)
  const { name, port } = splitHost(parsed.host)
  const map = new Map<string, Value>([
    ['url.original', fromBytes(writeUrl(parsed))],
    ['url.domain', fromBytes(name)],
    ['url.scheme', parsed.scheme],
    ['url.path', fromBytes(parsed.path)],
  ])
  if (port !== '') map.set('url.port', portOf(port))
  if (parsed.fragment !== '') map.set('url.fragment', fromBytes(parsed.fragment))
  if (parsed.user !== null) {
    map.set('url.user_info', writeUser(parsed.user))
    if (parsed.user.name !== '') map.set('url.username', fromBytes(parsed.user.name))
    if (parsed.user.password !== null) map.set('url.password', fromBytes(parsed.user.password))
  }
  if (parsed.query !== '') map.set('url.query', fromBytes(parsed.query))
  const extension = parsed.path.slice(parsed.path.lastIndexOf('.') + 1)
  if (parsed.path.includes('.') && extension !== '') map.set('url.extension', fromBytes(extension))
  return map
}

function portOf(text: string): bigint {
  const digits = text.replace(/^0+(?=.)/, '')
  const port = digits.length > 19 ? MAX_PORT + 1n : BigInt(digits)
  if (port > MAX_PORT) throw new Error(`port ${text.slice(0, 30)} is out of range`)
  return port
}

/** What begins with a question mark is a query alone: each parameter with the list of its values. */
function queryMap(query: string): ValueMap {
  const parameters = new Map<string, string[]>()
  const parts = query.split('&')
  if (parts.length > MAX_PARAMETERS) throw new Error(`more than ${MAX_PARAMETERS} parameters`)
  for (const part of parts) {
    if (part.includes(';')) throw new Error('invalid semicolon separator in query')
    if (part === '') continue
    const at = part.indexOf('=')
    const [name, value] = [at < 0 ? part : part.slice(0, at), at < 0 ? '' : part.slice(at + 1)].map(
      text => fromBytes(unescapeUrl(text, 'query')),
    )
    const values = parameters.get(name)
    if (values === undefined) parameters.set(name, [value])
    else values.push(value)
  }
  return parameters.size === 0 ? new Map() : new Map([['query', parameters]])
}

export const urlFunctions: readonly FunctionSpec[] = [url]
