/** A real Zipkin server, from Maven Central, with its storage in memory. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../harness/ports.ts'
import { fetched, needJava, run } from './peer-cache.ts'
import { answersOk, PeerProcess, type Scope } from './peer-process.ts'

const VERSION = '3.5.1'
const JAR = `zipkin-server-${VERSION}-exec.jar`
/** Twenty years: traces of fixtures are found however old they are. */
const LOOKBACK_MS = 20 * 365 * 24 * 3600 * 1000

/** Path of its jar; downloads it when it is not there. */
export function zipkinJar(): string {
  needJava('zipkin')
  return fetched({
    peer: 'zipkin',
    path: join('zipkin', JAR),
    needs: 'mvn with Maven Central, and java 17',
    make: target => {
      const folder = `${target}.d`
      mkdirSync(folder)
      const artifact = `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`
      run('mvn', ['-q', '-B', 'dependency:copy', artifact, `-DoutputDirectory=${folder}`])
      if (!existsSync(join(folder, JAR))) throw new Error(`maven left no ${JAR}`)
      run('mv', [join(folder, JAR), target])
    },
  })
}

export type ZipkinSpan = Record<string, unknown> & { readonly traceId: string; readonly id: string }

export class ZipkinPeer {
  readonly port: number
  readonly #server: PeerProcess

  constructor(port: number) {
    this.port = port
    this.#server = new PeerProcess({
      command: 'java',
      args: ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-jar', zipkinJar()],
      env: {
        ...process.env,
        QUERY_PORT: String(port),
        STORAGE_TYPE: 'mem',
        QUERY_LOOKBACK: String(LOOKBACK_MS),
        ARMERIA_OPTS: '',
        SELF_TRACING_ENABLED: 'false',
      },
      isReady: () => answersOk(`${this.url}/health`),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Where exporters post to. */
  get spansUrl(): string {
    return `${this.url}/api/v2/spans`
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** At once: asked politely it waits for 15 s, and it has nothing to save. */
  stop(): Promise<void> {
    return this.#server.kill()
  }

  /** Spans of a trace as Zipkin tells them; none when it does not know it. */
  async trace(traceId: string): Promise<ZipkinSpan[]> {
    const response = await fetch(`${this.url}/api/v2/trace/${traceId}`)
    if (response.status === 404) return []
    if (!response.ok) throw new Error(`zipkin: ${response.status} ${await response.text()}`)
    return (await response.json()) as ZipkinSpan[]
  }
}

export async function startZipkin(t: Scope): Promise<ZipkinPeer> {
  const [port] = await freePorts(1)
  const zipkin = new ZipkinPeer(port)
  t.after(() => zipkin.stop())
  await zipkin.start()
  return zipkin
}
