/** The collector under demonstration: a child process like any user's, seen only through its health, metrics and status ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { SIGNALS, type Signal } from '../../src/core/signal.ts'
import { parseMetrics, type Sample } from './prometheus-text.ts'

const ROOT = join(import.meta.dirname, '..', '..')

export interface Addresses {
  readonly grpc: string
  readonly http: string
  readonly health: string
  readonly zpages: string
  readonly metrics: string
}

/** One line of the ledger: accepted + copied = sent + dropped + held. */
export interface LedgerLine {
  readonly accepted: number
  readonly copied: number
  readonly sent: number
  readonly dropped: number
  readonly held: number
}

export interface Numbers {
  readonly ledger: Readonly<Record<Signal, LedgerLine>>
  readonly drops: readonly { signal: string; stage: string; reason: string; items: number }[]
  readonly rssBytes: number
}

export class Gateway {
  readonly addresses: Addresses
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>

  private constructor(addresses: Addresses, child: ChildProcess) {
    this.addresses = addresses
    this.#child = child
    this.#exited = once(child, 'exit').then(([code]) => code as number | null)
  }

  /** Resolves when it is healthy; rejects when it ends before that. Its log goes to `logPath`. */
  static async start(
    backend: { readonly grpc: string; readonly http: string },
    logPath: string,
    filePath: string,
  ): Promise<Gateway> {
    const [grpc, http, health, zpages, metrics] = await Promise.all(
      [4317, 4318, 13_133, 55_679, 8888].map(usualPortOrOther),
    )
    const env = {
      ...process.env,
      DEMO_GRPC: `127.0.0.1:${grpc}`,
      DEMO_HTTP: `127.0.0.1:${http}`,
      DEMO_HEALTH: `127.0.0.1:${health}`,
      DEMO_ZPAGES: `127.0.0.1:${zpages}`,
      DEMO_METRICS_PORT: String(metrics),
      DEMO_BACKEND_GRPC: backend.grpc,
      DEMO_BACKEND_HTTP: backend.http,
      DEMO_FILE: filePath,
    }
    const log = openSync(logPath, 'w')
    const args = [join(ROOT, 'dist/main.js'), '--config', join(ROOT, 'pipelines/demo.yaml')]
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log] })
    const gateway = new Gateway(
      {
        grpc: env.DEMO_GRPC,
        http: env.DEMO_HTTP,
        health: `http://${env.DEMO_HEALTH}`,
        zpages: `http://${env.DEMO_ZPAGES}`,
        metrics: `http://localhost:${metrics}/metrics`,
      },
      child,
    )
    await gateway.#untilHealthy(logPath)
    return gateway
  }

  /** What it says of itself, by its metrics. */
  async numbers(): Promise<Numbers> {
    const answer = await fetch(this.addresses.metrics)
    return readNumbers(parseMetrics(await answer.text()))
  }

  /** SIGTERM: it hands on what it holds. Resolves to the exit code; null if it had to be killed. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    const code = await this.#exited
    clearTimeout(timer)
    return code
  }

  async #untilHealthy(logPath: string): Promise<void> {
    let exited = false
    void this.#exited.then(() => (exited = true))
    for (let i = 0; i < 150 && !exited; i++) {
      const healthy = await fetch(this.addresses.health).then(
        answer => answer.ok,
        () => false,
      )
      if (healthy) return
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    this.#child.kill('SIGKILL')
    throw new Error(`the gateway did not become healthy; see ${logPath}`)
  }
}

/** The ledger as metrics tell it: the stages without a reason are its columns, those with one are drops. */
function readNumbers(samples: readonly Sample[]): Numbers {
  const items = samples.filter(({ name }) => name === 'millrace_ledger_items')
  const drops = items
    .filter(({ labels, value }) => labels.reason !== '' && value > 0)
    .map(({ labels: { signal, stage, reason }, value }) => ({
      signal,
      stage,
      reason,
      items: value,
    }))
  const ledgerLine = (signal: Signal): LedgerLine => {
    const column = (stage: string) =>
      items
        .filter(({ labels }) => labels.signal === signal)
        .filter(({ labels }) => labels.stage === stage && labels.reason === '')
        .reduce((sum, { value }) => sum + value, 0)
    return {
      accepted: column('accepted'),
      copied: column('copied'),
      sent: column('sent'),
      dropped: drops
        .filter(drop => drop.signal === signal)
        .reduce((sum, drop) => sum + drop.items, 0),
      held: column('held'),
    }
  }
  const ledger = Object.fromEntries(SIGNALS.map(signal => [signal, ledgerLine(signal)]))
  const rss = samples.find(({ name }) => name === 'otelcol_process_memory_rss')
  return { ledger: ledger as Record<Signal, LedgerLine>, drops, rssBytes: rss?.value ?? 0 }
}

/** The port that people know, unless something else has it. */
async function usualPortOrOther(usual: number): Promise<number> {
  return (await tryPort(usual)) ?? (await tryPort(0))!
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  const listening = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!listening) return undefined
  const { port: found } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return found
}
