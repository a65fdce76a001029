/** Real Jaeger, all in one process with its storage in memory, compiled once from its Go module. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../harness/ports.ts'
import { CACHE, fetched, run } from './peer-cache.ts'
import { answersOk, PeerProcess, type Scope } from './peer-process.ts'

const MODULE = 'github.com/jaegertracing/jaeger'
const VERSION = 'v1.76.0'
const PROGRAM = `${MODULE}/cmd/all-in-one`

/** Path of the program; compiles it when it is not there, which takes about four minutes. */
export function jaegerBinary(): string {
  return fetched({
    peer: 'jaeger',
    path: join('bin', 'jaeger'),
    needs: 'go 1.26 with its module proxy',
    make: target => {
      const cwd = join(CACHE, 'jaeger')
      const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-p=2', CGO_ENABLED: '0' }
      const go = (...args: string[]): string => run('go', args, { cwd, env })
      mkdirSync(cwd, { recursive: true })
      writeFileSync(join(cwd, 'go.mod'), 'module tools\n\ngo 1.26\n')
      writeFileSync(join(cwd, 'go.sum'), '')
      const at = `${MODULE}@${VERSION}`
      const { Dir } = JSON.parse(go('mod', 'download', '-json', at)) as { Dir: string }
      // Its own checksums say which versions it was released with.
      copyFileSync(join(Dir, 'go.sum'), join(cwd, 'go.sum'))
      run('chmod', ['u+w', join(cwd, 'go.sum')])
      go('get', '-tool', `${PROGRAM}@${VERSION}`)
      go('build', '-o', target, PROGRAM)
    },
  })
}

/** As its query API tells it; times in microseconds. */
export interface JaegerSpan {
  readonly traceID: string
  readonly spanID: string
  readonly operationName: string
  readonly references: readonly {
    readonly refType: string
    readonly traceID: string
    readonly spanID: string
  }[]
  readonly startTime: number
  readonly duration: number
  readonly tags: readonly JaegerTag[]
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[]
  readonly processID: string
}

export interface JaegerTag {
  readonly key: string
  readonly type: string
  readonly value: unknown
}

export interface JaegerTrace {
  readonly traceID: string
  readonly spans: readonly JaegerSpan[]
  readonly processes: Readonly<
    Record<string, { readonly serviceName: string; readonly tags: readonly JaegerTag[] }>
  >
}

export class JaegerPeer {
  readonly otlpGrpcPort: number
  readonly otlpHttpPort: number
  /** Takes jaeger.api_v2 PostSpans. */
  readonly grpcPort: number
  /** Takes Thrift at /api/traces. */
  readonly thriftHttpPort: number
  readonly queryPort: number
  readonly #server: PeerProcess

  constructor(ports: readonly number[]) {
    const at = ports.map(port => `127.0.0.1:${port}`)
    ;[this.otlpGrpcPort, this.otlpHttpPort, this.grpcPort, this.thriftHttpPort, this.queryPort] =
      ports
    this.#server = new PeerProcess({
      command: jaegerBinary(),
      args: [
        `--collector.otlp.grpc.host-port=${at[0]}`,
        `--collector.otlp.http.host-port=${at[1]}`,
        `--collector.grpc-server.host-port=${at[2]}`,
        `--collector.http-server.host-port=${at[3]}`,
        `--query.http-server.host-port=${at[4]}`,
        `--query.grpc-server.host-port=${at[5]}`,
        `--admin.http.host-port=${at[6]}`,
        '--log-level=warn',
      ],
      env: { ...process.env, SPAN_STORAGE_TYPE: 'memory' },
      isReady: async () =>
        (await answersOk(`http://${at[6]}/`)) && (await answersOk(`${this.url}/api/services`)),
    })
  }

  /** Of its query API. */
  get url(): string {
    return `http://127.0.0.1:${this.queryPort}`
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** At once: asked politely it waits for 15 s, and it has nothing to save. */
  stop(): Promise<void> {
    return this.#server.kill()
  }

  /** Undefined when it does not know the trace. */
  async trace(traceId: string): Promise<JaegerTrace | undefined> {
    return (await this.#ask(`/api/traces/${traceId}`))[0]
  }

  /** Traces that its search answers; parameters as its API names them (service, operation, tags, start, end, …). */
  search(parameters: Readonly<Record<string, string>>): Promise<readonly JaegerTrace[]> {
    return this.#ask(`/api/traces?${new URLSearchParams(parameters)}`)
  }

  async #ask(path: string): Promise<readonly JaegerTrace[]> {
    const response = await fetch(`${this.url}${path}`)
    const text = await response.text()
    if (response.status === 404) return []
    if (!response.ok) throw new Error(`jaeger: ${response.status} ${text}`)
    return (JSON.parse(text) as { data: JaegerTrace[] | null }).data ?? []
  }
}

const PORTS = 7

export async function startJaeger(t: Scope): Promise<JaegerPeer> {
  const jaeger = new JaegerPeer(await freePorts(PORTS))
  t.after(() => jaeger.stop())
  await jaeger.start()
  return jaeger
}
