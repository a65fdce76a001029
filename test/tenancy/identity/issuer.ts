/** An issuer of tokens for tests: key pairs, a JWKS server on node:http that can be told to fail, tokens with any claims. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  /** Public. */
  readonly jwk: JWK
}

export async function makeSigningKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
}

export interface Claims {
  readonly [claim: string]: unknown
}

/** Valid for an hour from `nowMs` unless the claims say otherwise. */
export function sign(key: SigningKey, claims: Claims, nowMs: number): Promise<string> {
  const iat = Math.floor(nowMs / 1000)
  return new SignJWT({ iss: 'https://issuer.example', iat, exp: iat + 3600, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .sign(key.privateKey)
}

export interface KeyServer {
  readonly url: string
  keys: readonly JWK[]
  /** Instead of the keys. */
  answer: ((response: ServerResponse) => void) | null
  readonly asked: number
}

export async function startKeyServer(t: TestContext, keys: readonly JWK[]): Promise<KeyServer> {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    if (state.answer !== null) state.answer(response)
    else
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ keys: state.keys }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const state = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks?secret=1`,
    keys,
    answer: null as KeyServer['answer'],
    get asked() {
      return asked
    },
  }
  return state
}
