/** Which format a scraper is answered in, by its Accept header. */

export type Format = 'text' | 'openmetrics' | 'protobuf'

export interface Negotiated {
  readonly format: Format
  /** Names of any characters may go as they are. */
  readonly isUtf8: boolean
  readonly contentType: string
}

const OPENMETRICS = 'application/openmetrics-text'
const PROTOBUF = 'application/vnd.google.protobuf'
const MESSAGE = 'io.prometheus.client.MetricFamily'
const OPENMETRICS_VERSIONS = ['', '0.0.1', '1.0.0']

export function negotiate(accept: string, isOpenMetricsEnabled: boolean): Negotiated {
  let isUtf8 = false
  for (const { type, params } of readAccept(accept)) {
    const escaping = params.get('escaping') ?? ''
    if (escaping !== '') isUtf8 = escaping === 'allow-utf-8'
    const version = params.get('version') ?? ''
    if (type === PROTOBUF && params.get('proto') === MESSAGE) {
      if (params.get('encoding') === 'delimited') return answer('protobuf', isUtf8)
    } else if (type === 'text/plain' && (version === '' || version === '0.0.4')) {
      return answer('text', isUtf8)
    } else if (isOpenMetricsEnabled && type === OPENMETRICS) {
      if (OPENMETRICS_VERSIONS.includes(version)) {
        return answer('openmetrics', isUtf8, version === '1.0.0' ? version : '0.0.1')
      }
    }
  }
  return answer('text', isUtf8)
}

function answer(format: Format, isUtf8: boolean, version = ''): Negotiated {
  const kinds = {
    text: 'text/plain; version=0.0.4; charset=utf-8',
    openmetrics: `${OPENMETRICS}; version=${version}; charset=utf-8`,
    protobuf: `${PROTOBUF}; proto=${MESSAGE}; encoding=delimited`,
  }
  const escaping = isUtf8 ? 'allow-utf-8' : 'underscores'
  return { format, isUtf8, contentType: `${kinds[format]}; escaping=${escaping}` }
}

interface Accepted {
  readonly type: string
  readonly params: ReadonlyMap<string, string>
  readonly weight: number
}

/** What the scraper likes best first. */
function readAccept(accept: string): Accepted[] {
  return accept
    .split(',')
    .map(part => {
      const [type, ...rest] = part.split(';').map(piece => piece.trim())
      const params = new Map(
        rest.map(piece => {
          const at = piece.indexOf('=')
          return [piece.slice(0, Math.max(at, 0)).toLowerCase(), piece.slice(at + 1)]
        }),
      )
      const weight = Number(params.get('q') ?? 1)
      return { type: type.toLowerCase(), params, weight: Number.isFinite(weight) ? weight : 0 }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
}
