/** Cross-origin rules: which pages may send, and what browsers are told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Cors } from '../../src/net/cors.ts'
import { startHttp } from './http-fixture.ts'

const SETTINGS = {
  allowed_origins: ['https://*.test.com', 'https://test.com'],
  allowed_headers: ['X-Extra'],
  exposed_headers: ['X-Seen'],
  max_age: 7200,
}

function allows(origins: readonly string[], origin: string): boolean {
  const cors = new Cors({ ...SETTINGS, allowed_origins: origins })
  return cors.headers(origin)['access-control-allow-origin'] !== undefined
}

describe('CORS', () => {
  it('lets in origins by name and by wildcard, and no others', () => {
    const table: [string, boolean][] = [
      ['https://test.com', true],
      ['https://www.test.com', true],
      ['https://a.b.test.com', true],
      ['HTTPS://WWW.TEST.COM', true],
      ['https://wwwtest.com', false],
      ['http://test.com', false],
      ['https://test.com.evil.org', false],
      ['https://evil.org/.test.com', true],
      ['null', false],
    ]
    for (const [origin, expected] of table) {
      assert.equal(allows(SETTINGS.allowed_origins, origin), expected, origin)
    }
    assert.equal(allows(['*'], 'https://any.where'), true)
    assert.equal(allows(['http://localhost:*'], 'http://localhost:3000'), true)
    assert.equal(allows([], 'https://test.com'), false)
  })

  it('answers a preflight with 204 and the permissions', async t => {
    const { url } = await startHttp(t, { cors: SETTINGS })

    const answer = await fetch(`${url}/v1/traces`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://www.test.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-extra',
      },
    })

    assert.equal(answer.status, 204)
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://www.test.com')
    assert.equal(answer.headers.get('access-control-allow-methods'), 'POST')
    assert.equal(answer.headers.get('access-control-allow-headers'), 'content-type,x-extra')
    assert.equal(answer.headers.get('access-control-max-age'), '7200')
    assert.match(String(answer.headers.get('vary')), /Origin/)
  })

  it('gives no permission for other origins, methods and headers', () => {
    const cors = new Cors(SETTINGS)
    const good = {
      origin: 'https://test.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': '',
    }
    const granted = (request: object) =>
      'access-control-allow-origin' in cors.preflight({ ...good, ...request })

    assert.equal(granted({}), true)
    assert.equal(granted({ origin: 'https://evil.org' }), false)
    assert.equal(granted({ origin: undefined }), false)
    assert.equal(granted({ 'access-control-request-method': 'DELETE' }), false)
    assert.equal(granted({ 'access-control-request-headers': 'X-Other' }), false)
  })

  it('marks answers to pages that may read them', async t => {
    const { url } = await startHttp(t, { cors: { ...SETTINGS, allowed_origins: ['*'] } })
    const headers = { origin: 'https://a.b', 'content-type': 'application/json' }

    const answer = await fetch(`${url}/v1/traces`, { method: 'POST', headers, body: '{}' })

    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.equal(answer.headers.get('access-control-expose-headers'), 'X-Seen')
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true')
  })

  it('says 405 to OPTIONS when it is not configured', async t => {
    const { url } = await startHttp(t)
    const headers = { origin: 'https://a.b', 'access-control-request-method': 'POST' }

    assert.equal((await fetch(`${url}/v1/traces`, { method: 'OPTIONS', headers })).status, 405)
  })
})
