/** An authority and a certificate for localhost, made by openssl, and a client that shows it or does not. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificates {
  /** Holds ca.pem, cert.pem and key.pem. */
  readonly directory: string
  /** Status of a POST to /v1/traces; rejects when the connection is refused. */
  post(port: number, body: Buffer, withCertificate: boolean): Promise<number>
}

/** Undefined where there is no openssl. */
export async function makeCertificates(t: TestContext): Promise<Certificates | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-certs-'))
  t.after(() => rm(directory, { recursive: true }))
  const args = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '2', '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'cert.pem'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]
  try {
    await run('openssl', args, { cwd: directory })
    await run('cp', ['cert.pem', 'ca.pem'], { cwd: directory })
  } catch {
    return undefined
  }
  const read = (name: string) => readFile(join(directory, name))
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')])
  return {
    directory,
    post: (port, body, withCertificate) =>
      new Promise((resolve, reject) => {
        const identity = withCertificate ? { cert, key } : {}
        const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length }
        const options = { host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers, ca }
        const sent = request({ ...options, ...identity }, response => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.on('error', reject)
        sent.end(body)
      }),
  }
}
