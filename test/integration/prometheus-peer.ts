/** A real Prometheus that scrapes one address each second: the system's, or unpacked from Debian's package. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { request } from 'undici'
import { freePorts } from '../harness/ports.ts'
import { eventually, startProcess } from '../harness/process.ts'
import { fetched, run } from './peer-cache.ts'
import { answersOk } from './peer-process.ts'

const PATIENCE_MS = 30_000
const PAUSE_MS = 250

export interface PrometheusServer {
  /** Asks until there is a result; its samples, or what a native histogram's functions make of it. */
  query(expression: string): Promise<readonly PrometheusSample[]>
}

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** Native histograms are on, so it asks for protobuf. Stopped, and its folder removed, with the test. */
export async function startPrometheus(t: TestContext, scraped: number): Promise<PrometheusServer> {
  const [port] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-prometheus-'))
  const config = join(folder, 'prometheus.json')
  const job = {
    job_name: 'it',
    honor_labels: true,
    static_configs: [{ targets: [`127.0.0.1:${scraped}`] }],
  }
  writeFileSync(
    config,
    JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [job] }),
  )
  const server = await startProcess(
    prometheus(),
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=native-histograms,exemplar-storage',
    ],
    port,
  )
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  // It listens before it has opened its storage, and answers 503 until then.
  const isReady = (): Promise<boolean> => answersOk(`http://127.0.0.1:${port}/-/ready`)
  await eventually(isReady, PATIENCE_MS, `Prometheus is ready\n${server.output()}`)
  return {
    async query(expression) {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
      for (const until = Date.now() + PATIENCE_MS; ; ) {
        const answer = await request(url)
        const { data } = (await answer.body.json()) as { data?: { result: PrometheusSample[] } }
        if (data !== undefined && data.result.length > 0) return data.result
        if (Date.now() > until) throw new Error(`no result of ${expression}:\n${server.output()}`)
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
      }
    },
  }
}

function prometheus(): string {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' })
    return 'prometheus'
  } catch {
    return fetched({
      peer: 'prometheus',
      path: join('bin', 'prometheus'),
      needs: 'prometheus on the path, or apt-get and dpkg with the package prometheus',
      make: unpack,
    })
  }
}

function unpack(target: string): void {
  const folder = `${target}.d`
  mkdirSync(folder)
  const get = (): string => run('apt-get', ['download', 'prometheus'], { cwd: folder })
  try {
    get()
  } catch {
    // A new container has no lists of packages yet.
    run('apt-get', ['update'])
    get()
  }
  const [archive] = readdirSync(folder).filter(name => name.endsWith('.deb'))
  run('dpkg', ['-x', join(folder, archive), folder])
  copyFileSync(join(folder, 'usr', 'bin', 'prometheus'), target)
}
