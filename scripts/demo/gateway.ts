/** The collector under demonstration: a child process like any user's, seen only through its health, metrics and status ports. */
import { SIGNALS, type Signal } from '../../src/core/signal.ts'
import { CollectorProcess, usualPortOrOther } from './collector.ts'
import { parseMetrics, type Sample } from './prometheus-text.ts'

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
  readonly #collector: CollectorProcess

  private constructor(addresses: Addresses, collector: CollectorProcess) {
    this.addresses = addresses
    this.#collector = collector
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
      DEMO_GRPC: `127.0.0.1:${grpc}`,
      DEMO_HTTP: `127.0.0.1:${http}`,
      DEMO_HEALTH: `127.0.0.1:${health}`,
      DEMO_ZPAGES: `127.0.0.1:${zpages}`,
      DEMO_METRICS_PORT: String(metrics),
      DEMO_BACKEND_GRPC: backend.grpc,
      DEMO_BACKEND_HTTP: backend.http,
      DEMO_FILE: filePath,
    }
    const addresses: Addresses = {
      grpc: env.DEMO_GRPC,
      http: env.DEMO_HTTP,
      health: `http://${env.DEMO_HEALTH}`,
      zpages: `http://${env.DEMO_ZPAGES}`,
      metrics: `http://localhost:${metrics}/metrics`,
    }
    const collector = await CollectorProcess.start('demo.yaml', env, addresses.health, logPath)
    return new Gateway(addresses, collector)
  }

  /** What it says of itself, by its metrics. */
  async numbers(): Promise<Numbers> {
    const answer = await fetch(this.addresses.metrics)
    return readNumbers(parseMetrics(await answer.text()))
  }

  /** Resolves to the exit code; null if it had to be killed. */
  stop(): Promise<number | null> {
    return this.#collector.stop()
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
